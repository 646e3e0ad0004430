namespace MappingNets.Core

open System
open TorchSharp

module OutputShift =

    let unmodelled layers =
        StepRules.unmodelled layers |> Option.toObj

    let steps (target: TargetDescription) theta =
        match StepRules.unmodelled target.Layers with
        | Some layer ->
            raise (
                ArgumentException(
                    $"{layer} has a Lipschitz rule but no model of its rounding; bounds in exact arithmetic are NetworkLipschitz's.",
                    nameof target
                )
            )
        | None ->
            requireFinite (nameof theta) target.Layout.Count theta
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()

            let weights =
                LayerEffects.Weights(target.Layout, theta.detach().cpu().to_type torch.float64)

            StepRules.Builder(target, weights).Chain target.InputShape target.Layers |> fst

    /// How many numbers one sample shows of a chain.
    let rec private needed (steps: LayerStep[]) : int =
        steps
        |> Array.sumBy (fun step ->
            let own =
                match step.Kind with
                | NormalisingStep _ -> 2
                | _ -> 1

            own + (step.Branches |> Array.sumBy (fun branch -> needed branch + 1)))

    /// How many tensors of weights the chain's layers point at: the last one's place, and one.
    let rec private tensorsOf (steps: LayerStep[]) : int =
        steps
        |> Array.map (fun step ->
            let shares = step.Shares |> Array.map (fun struct (place, _) -> place)
            let own = Array.max (Array.append [| step.Weight; step.Bias |] shares)

            step.Branches
            |> Array.fold (fun most branch -> max most (tensorsOf branch)) (own + 1))
        |> Array.fold max 0

    let outputs (steps: LayerStep[]) (shown: float[]) (moved: float[]) roundoff =
        if shown.Length <> needed steps then
            raise (
                ArgumentException(
                    $"The sample shows {shown.Length} numbers; these layers need {needed steps}.",
                    nameof shown
                )
            )

        requireNotNegative (nameof roundoff) "The unit roundoff" roundoff

        let requireSizes (argument: string) (values: float[]) =
            match values |> Array.tryFindIndex (fun value -> not (value >= 0.0)) with
            | Some index ->
                raise (
                    ArgumentException(
                        $"Number {index} is {values[index]}; each is a norm and must be at least 0.",
                        argument
                    )
                )
            | None -> ()

        requireSizes (nameof shown) shown
        requireSizes (nameof moved) moved
        let places = tensorsOf steps

        if moved.Length < places then
            raise (
                ArgumentException(
                    $"There are moves of {moved.Length} tensors; these layers have {places} tensors or more.",
                    nameof moved
                )
            )

        let gamma terms = Rounding.gammaOf roundoff terms

        let shift place = if place < 0 then 0.0 else moved[place]

        /// A distance of so many operations on numbers that are themselves bounds, raised by what computing it may take.
        let raised operations distance =
            Rounding.raised (operations + 32.0) distance

        /// What the layer does by its constants; what reaches it and its weights are those that are computed.
        let plain (step: LayerStep) reaching distance =
            let weight, bias = shift step.Weight, shift step.Bias
            let input = reaching + distance

            let shares =
                step.Shares |> Array.sumBy (fun struct (place, share) -> share * moved[place])

            let exact =
                (step.Constant.Value + step.Spread * weight) * distance
                + (step.Spread * reaching + step.Offset) * weight
                + step.Positions * bias
                + shares

            let bySums =
                step.Spread * (step.WeightNorm + weight) * input
                + step.Positions * (step.BiasNorm + bias)

            let byConstants =
                (step.Constant.Value + step.Spread * weight) * input
                + step.Offset * (step.WeightNorm + weight)
                + step.Positions * (step.BiasNorm + bias)

            let sizes = if step.Terms > 0.0 then bySums else byConstants

            exact + gamma (step.Terms + step.Roundings) * sizes
            |> raised (2.0 * float step.Shares.Length)

        let normalising (step: LayerStep) features places epsilon reaching deviation distance =
            let weight, bias = shift step.Weight, shift step.Bias
            let root: float = sqrt features

            let slope (deviation: float) =
                1.0 / sqrt (deviation * deviation + epsilon)

            // The difference may cancel, so what is taken off is raised before.
            let there = slope (max 0.0 (deviation - raised 0.0 (distance / root)))
            let gain = min there (2.0 * slope deviation)
            let largest = step.Constant.Value + weight
            // No normalised vector is longer than the root of its number of features.
            let longest = sqrt (places * features)
            let normalised = min longest (slope deviation * reaching)

            let exact = largest * gain * distance + weight * normalised + step.Positions * bias

            let sizes =
                largest * (3.0 * there * (reaching + distance) + longest)
                + step.Positions * (step.BiasNorm + bias)

            exact + gamma step.Roundings * sizes |> raised 0.0

        /// The distance of what a chain puts out, and the place of the first number that it does not need.
        let rec chain place distance (steps: LayerStep[]) : struct (float * int) =
            let mutable distance, place = distance, place

            for step in steps do
                let struct (after, next) = one place distance step
                distance <- after
                place <- next

            struct (distance, place)

        and one place distance step : struct (float * int) =
            let reaching = shown[place]

            match step.Kind with
            | PlainStep -> struct (plain step reaching distance, place + 1)
            | NormalisingStep(features, places, epsilon) ->
                struct (normalising step features places epsilon reaching shown[place + 1] distance, place + 2)
            | SumStep
            | BesideStep ->
                let mutable next = place + 1

                let branches =
                    step.Branches
                    |> Array.map (fun branch ->
                        let struct (after, last) = chain next distance branch
                        next <- last + 1
                        struct (after, shown[last]))

                let raised distance =
                    raised (2.0 * float branches.Length) distance

                match step.Kind with
                | SumStep ->
                    let distances = branches |> Array.sumBy (fun struct (after, _) -> after)
                    let sizes = branches |> Array.sumBy (fun struct (after, norm) -> after + norm)
                    struct (distances + gamma step.Roundings * sizes |> raised, next)
                | _ ->
                    let squares = branches |> Array.sumBy (fun struct (after, _) -> after * after)

                    struct (sqrt (distance * distance + squares) |> raised, next)

        let struct (distance, _) = chain 0 0.0 steps
        // A rounding without a bound, times a size of 0.
        if Double.IsNaN distance then infinity else distance

    let moved (shifts: TensorShift[]) radius =
        shifts
        |> Array.map (fun shift ->
            shift.Moves radius + shift.Rounding 0.0 + shift.Rounding radius
            |> Rounding.raised 2.0)

    let radius steps shifts shown margin =
        let holds radius =
            let distance = outputs steps shown (moved shifts radius) TensorShift.unitRoundoff
            Rounding.raised 2.0 (sqrt 2.0 * distance) < margin

        let rec halve low high count =
            if count = 0 then
                low
            else
                let middle = (low + high) / 2.0

                if holds middle then
                    halve middle high (count - 1)
                else
                    halve low middle (count - 1)

        let rec bracket high =
            if high < 1e9 && holds high then
                bracket (2.0 * high)
            else
                high

        if not (holds 0.0) then
            0.0
        else
            let high = bracket 1e-9
            halve 0.0 high 52

    let noiseNorm deviation count risk =
        MappingBounds.noiseNorm deviation count risk

    let probability risk = Rounding.complementBelow risk
