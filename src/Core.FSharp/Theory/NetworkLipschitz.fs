namespace MappingNets.Core

open System
open TorchSharp
open MappingNets.Core.LayerEffects
open MappingNets.Core.LayerRules

type LayerLipschitz =
    { Layer: TargetLayer
      InputConstant: Bound
      OutputShape: int64[] }

module NetworkLipschitz =

    let crossEntropy = sqrt 2.0

    let private withWeights (target: TargetDescription) (theta: torch.Tensor) compute =
        requireFinite (nameof theta) target.Layout.Count theta
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        compute (Weights(target.Layout, theta.detach().cpu().to_type torch.float64))

    let private arrival (target: TargetDescription) radius norm =
        { Shape = target.InputShape
          Norm = norm
          Radius = radius }

    let layers (target: TargetDescription) theta =
        withWeights target theta (fun weights ->
            target.Layers
            |> List.mapFold
                (fun shape layer ->
                    let effect =
                        rule
                            weights
                            layer
                            { arrival target 0.0 infinity with
                                Shape = shape }

                    { Layer = layer
                      InputConstant = inputBound effect
                      OutputShape = effect.OutputShape },
                    effect.OutputShape)
                target.InputShape
            |> fst
            |> List.toArray)

    let inputLipschitz target theta =
        withWeights target theta (fun weights ->
            chain weights target.Layers (arrival target 0.0 infinity) |> inputBound)

    let inputLipschitzWithin target theta inputNorm =
        requireNotNegative (nameof inputNorm) "It" inputNorm

        withWeights target theta (fun weights ->
            chain weights target.Layers (arrival target 0.0 inputNorm) |> inputBound)

    let weightLipschitz target theta radius inputNorm =
        requireNotNegative (nameof radius) "It" radius
        requireNotNegative (nameof inputNorm) "It" inputNorm

        withWeights target theta (fun weights ->
            let effect = chain weights target.Layers (arrival target radius inputNorm)

            effect.Shares
            |> List.sumBy (fun (_, share) -> share * share)
            |> sqrt
            |> Rounding.raised operations
            |> Bound.following effect.Causes)

    /// What rounding may add to a sampled slope, relative to it.
    let private slopeRounding = 1e-9

    let sampledWeightLipschitz (f: torch.Tensor -> torch.Tensor) (theta: torch.Tensor) radius key samples =
        requireFinite (nameof theta) (if theta.dim () = 1L then theta.shape[0] else 1L) theta
        requirePositive (nameof radius) radius

        if samples < 1 then
            raise (ArgumentOutOfRangeException(nameof samples, samples, "There must be at least one sample."))

        use _ = torch.no_grad ()
        use precise = theta.detach().to_type (torch.float64, copy = true)

        let normals name sample (length: int64) =
            let stream = key |> CounterHash.named name |> CounterHash.child (uint64 sample)

            let values =
                Array.init (int length) (fun index -> CounterHash.normal stream (uint64 index))

            torch.tensor(values).``to`` theta.device

        let norm (tensor: torch.Tensor) = tensor.norm().ToDouble()

        let slopeAt sample =
            use scope = torch.NewDisposeScope()
            let offset = normals "point" sample precise.shape[0]

            let share =
                CounterHash.uniformDouble (CounterHash.named "share" key) (uint64 sample)

            let point = precise + offset * (share * radius / norm offset).ToScalar()
            let value = f point

            if value.dim () <> 1L || value.dtype <> torch.float64 then
                raise (
                    ArgumentException(
                        $"f gave {value.dtype} of the shape {shapeText value.shape}; it must give a vector in double precision, as its argument is.",
                        nameof f
                    )
                )

            let pull covector =
                Differentiation.jacobianTv f point covector

            let push vector =
                Differentiation.jacobianv f point vector

            let rec improve rounds (covector: torch.Tensor) =
                let gradient = pull covector
                let length = norm gradient

                if length = 0.0 then
                    0.0
                else
                    let image = push (gradient / length.ToScalar())

                    if rounds = 0 then
                        norm image
                    else
                        improve (rounds - 1) image

            improve 2 (normals "projection" sample value.shape[0])

        (Seq.init samples slopeAt |> Seq.max) * (1.0 - slopeRounding)
