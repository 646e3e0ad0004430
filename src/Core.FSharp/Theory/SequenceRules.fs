/// The rules of layers that look at a whole sequence (self-attention, LSTM and GRU) and of those that make its tokens.
module internal MappingNets.Core.SequenceRules

open System
open TorchSharp
open MappingNets.Core.LayerEffects

let embedding (weights: Weights) name arrival =
    let table = weights.Find($"{name}.weight", 2)
    let tokens = float (count arrival.Shape)
    let largest = table.square().sum([| 1L |]).max().ToDouble() |> sqrt

    { silent (Array.append arrival.Shape [| table.shape[1] |]) infinity (sqrt tokens * (largest + arrival.Radius)) with
        // One token may stand at every place.
        Shares = [ $"{name}.weight", sqrt tokens ]
        InputCauses = [ Bound.notEstablished $"'{name}' is an embedding: its inputs are whole numbers" ] }

let positionEmbedding (weights: Weights) name arrival =
    let shape = arrival.Shape

    match weights.TryFind name with
    | Some tensor when tensor.numel () = count shape ->
        { silent shape 1.0 (arrival.Norm + norm tensor + arrival.Radius) with
            Shares = [ name, 1.0 ] }
    | Some tensor -> refuse $"'{name}' has the shape {shapeText tensor.shape}; it is added to {shapeText shape}."
    | None -> refuse $"The layout has no '{name}'."

let classToken (weights: Weights) name arrival =
    match weights.TryFind name, arrival.Shape with
    | Some tensor, [| tokens; features |] when tensor.numel () = features ->
        let token = norm tensor + arrival.Radius

        { silent [| tokens + 1L; features |] 1.0 (sqrt (arrival.Norm * arrival.Norm + token * token)) with
            Shares = [ name, 1.0 ] }
    | Some tensor, shape ->
        refuse $"'{name}' has the shape {shapeText tensor.shape}; it stands before {shapeText shape}."
    | None, _ -> refuse $"The layout has no '{name}'."

let attention (weights: Weights) name (heads: int64) arrival =
    match arrival.Shape with
    | [| tokens; features |] when heads >= 1L && features % heads = 0L ->
        let projection = weights.Find($"{name}.in_proj_weight", 2)
        let output = weights.Find($"{name}.out_proj.weight", 2)

        if
            projection.shape <> [| 3L * features; features |]
            || output.shape <> [| features; features |]
        then
            refuse
                $"'{name}' projects {shapeText projection.shape} and {shapeText output.shape}; its input has {features} features."

        let size = features / heads
        let radius, reach, root = arrival.Radius, arrival.Norm, sqrt (float tokens)
        let bias = weights.TryFind $"{name}.in_proj_bias"

        /// The norms of the matrix and of the bias of a head's queries (0), keys (1) or values (2), at their largest on the ball.
        let part (kind: int64) (head: int64) =
            let first = kind * features + head * size

            struct (SingularBounds.spectralNorm (projection.narrow (0L, first, size)) + radius,
                    match bias with
                    | None -> 0.0
                    | Some bias -> norm (bias.narrow (0L, first, size)) + radius)

        let parts =
            [| for head in 0L .. heads - 1L ->
                   let struct (query, queryBias) = part 0L head
                   let struct (key, keyBias) = part 1L head
                   let struct (value, valueBias) = part 2L head
                   let queries = times query reach + root * queryBias
                   let keys = times key reach + root * keyBias
                   let values = times value reach + root * valueBias
                   // A softmax row moves by at most half of its scores; a row-stochastic matrix has a norm of at most sqrt T.
                   let half = 0.5 / sqrt (float size)

                   let throughQueries, throughKeys =
                       half * times values keys, half * times values queries

                   struct (root * value + times throughQueries query + times throughKeys key,
                           root * values,
                           sqrt (throughQueries * throughQueries + throughKeys * throughKeys + root * root)) |]

        let gains = parts |> Array.map (fun struct (gain, _, _) -> gain)
        let norms = parts |> Array.map (fun struct (_, norm, _) -> norm)
        let shares = parts |> Array.map (fun struct (_, _, share) -> share)

        let together (of': float[]) =
            of' |> Array.sumBy (fun value -> value * value) |> sqrt

        let mixed = SingularBounds.spectralNorm output + radius
        let joined = together norms
        let share = times mixed (Array.max shares)

        let struct (last, lastShare) =
            biasOf weights $"{name}.out_proj.bias" radius (float tokens)

        { silent arrival.Shape (times mixed (together gains)) (times mixed joined + last) with
            Shares =
                [ $"{name}.in_proj_weight", times share reach
                  if bias.IsSome then
                      $"{name}.in_proj_bias", share * root
                  $"{name}.out_proj.weight", joined
                  yield! lastShare ]
            Causes =
                if Double.IsFinite reach then
                    []
                else
                    [ Bound.notEstablished
                          $"'{name}' is self-attention, which has no constant without a bound of its inputs" ] }
    | shape -> refuse $"'{name}' with {heads} heads takes (T, features) that they share equally, not {shapeText shape}."

/// The layers of a recurrent network. `step`: from the norms of the state's matrix and of its bias on the ball and the hidden size, the response
/// of the state at each later step to a change of 1 of the pre-activation at one step.
let recurrent (weights: Weights) name gates layers wholeSequence response arrival =
    match arrival.Shape with
    | [| steps; inputs |] when layers >= 1 ->
        let radius, root = arrival.Radius, sqrt (float steps)

        let one (arriving: Effect) layer =
            let find part rank =
                weights.Find($"{name}.{part}_l{layer}", rank)

            let given, kept = find "weight_ih" 2, find "weight_hh" 2
            let hidden = kept.shape[1]
            let arrivingInputs = arriving.OutputShape[1]

            if
                given.shape <> [| gates * hidden; arrivingInputs |]
                || kept.shape[0] <> gates * hidden
            then
                refuse
                    $"Layer {layer} of '{name}' has the weights {shapeText given.shape} and {shapeText kept.shape}; {arrivingInputs} values arrive at each step."

            let givenNorm = SingularBounds.spectralNorm given + radius
            let keptNorm = SingularBounds.spectralNorm kept + radius
            let biasName part = $"{name}.{part}_l{layer}"

            let biasNorm part =
                weights.TryFind(biasName part) |> Option.map (fun bias -> norm bias + radius)

            let matrix: float[,] =
                response keptNorm (biasNorm "bias_hh" |> Option.defaultValue 0.0) hidden (int steps)

            let isLast = layer = layers - 1
            let last = int steps - 1

            let size =
                if isLast && not wholeSequence then
                    Seq.init (int steps) (fun step -> matrix[last, step] * matrix[last, step])
                    |> Seq.sum
                    |> sqrt
                else
                    let entries = Seq.cast<float> matrix

                    if entries |> Seq.forall Double.IsFinite then
                        SingularBounds.spectralNorm (torch.tensor (matrix, dtype = torch.float64))
                    else
                        infinity

            let gain = times givenNorm size

            let own =
                [ $"{name}.weight_ih_l{layer}", times size arriving.OutputNorm
                  // A state's entries are below 1, and the first state is 0.
                  $"{name}.weight_hh_l{layer}", times size (sqrt (float ((steps - 1L) * hidden)))
                  for part in [ "bias_ih"; "bias_hh" ] do
                      if (biasNorm part).IsSome then
                          biasName part, times size root ]

            let shape =
                if isLast && not wholeSequence then
                    [| hidden |]
                else
                    [| steps; hidden |]

            { arriving with
                OutputShape = shape
                Gain = times arriving.Gain gain
                OutputNorm = sqrt (float (count shape))
                Shares =
                    (arriving.Shares |> List.map (fun (tensor, share) -> tensor, times share gain))
                    @ own }

        let effect =
            ({ silent [| steps; inputs |] 1.0 arrival.Norm with
                Shares = [] },
             [ 0 .. layers - 1 ])
            ||> List.fold one

        if Double.IsFinite effect.Gain then
            effect
        else
            { effect with
                Causes = [ Bound.notEstablished $"the bound of '{name}' over {steps} steps is beyond double precision" ] }
    | shape -> refuse $"'{name}' takes a sequence (T, inputs), not {shapeText shape}."

/// c' = f c + i g, h' = o tanh c', with i, f, o sigmoids (slope at most 1/4) and g a tanh; |c| grows by less than 1 a step.
let lstmResponse keptNorm _ _ steps =
    let matrix = Array2D.zeroCreate<float> steps steps

    for start in 0 .. steps - 1 do
        let mutable cell, state = 0.0, 0.0

        for step in start .. steps - 1 do
            let change = (if step = start then 1.0 else 0.0) + times keptNorm state
            let forget = float step / 4.0
            let intoCell = forget * forget + 1.0 / 16.0 + 1.0
            let intoState = sqrt (intoCell + 1.0 / 16.0)
            state <- cell + times intoState change
            cell <- cell + times (sqrt intoCell) change
            matrix[step, start] <- state

    matrix

/// h' = (1 - u) n + u h, n = tanh(p + r q), q = W h + b: |h - n| is below 2, |q| at most sqrt(hidden) ||W|| + ||b||.
let gruResponse keptNorm keptBias (hidden: int64) steps =
    let kept = sqrt (float hidden) * keptNorm + keptBias
    let into = sqrt (kept * kept / 16.0 + 0.25 + 1.0)
    let matrix = Array2D.zeroCreate<float> steps steps

    for start in 0 .. steps - 1 do
        let mutable state = 0.0

        for step in start .. steps - 1 do
            state <- state + times into ((if step = start then 1.0 else 0.0) + times keptNorm state)

            matrix[step, start] <- state

    matrix
