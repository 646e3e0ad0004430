/// The layers of a network as steps: their constants at theta, and a model of their rounding where there is one.
module internal MappingNets.Core.StepRules

open System
open TorchSharp
open MappingNets.Core.LayerEffects

/// The first layer whose rounding has no model, as messages call it.
let rec unmodelled (layers: TargetLayer list) =
    layers
    |> List.tryPick (fun layer ->
        match layer with
        | LstmLayer(name, _, _) -> Some $"'{name}' (LSTM)"
        | GruLayer(name, _, _) -> Some $"'{name}' (GRU)"
        | SelfAttentionLayer(name, _) -> Some $"'{name}' (self-attention)"
        | BatchNormLayer(name, None) -> Some $"'{name}' (batch normalisation by the batch's own statistics)"
        | UserLayer stated when stated.Roundings.IsNone -> Some $"'{stated.Name}' (whose author states no rounding)"
        | ResidualLayer(body, shortcut) -> unmodelled (body @ shortcut)
        | ConcatenationLayer body -> unmodelled body
        | _ -> None)

let private plain name constant roundings =
    { Name = name
      Kind = PlainStep
      Constant = constant
      Spread = 0.0
      Offset = 0.0
      WeightNorm = 0.0
      Positions = 0.0
      BiasNorm = 0.0
      Terms = 0.0
      Roundings = roundings
      Weight = -1
      Bias = -1
      Shares = [||]
      Branches = [||] }

/// One tensor by itself, added.
let private added (step: LayerStep) place (tensor: torch.Tensor) =
    { step with
        Bias = place
        Positions = 1.0
        BiasNorm = norm tensor }

/// How many roundings each number of a batch normalisation takes: the factor from variance and epsilon, its product with mean and input, and a sum.
let private normalising = 10.0

/// Steps of layers of a layout at theta.
type Builder(target: TargetDescription, weights: Weights) =

    let place name =
        Array.FindIndex(target.Layout.Entries, (fun entry -> entry.Name = name))

    let tensor name = (weights.TryFind name).Value

    let weighted name spread (positions: float) (terms: int64) constant =
        let weight, bias = place $"{name}.weight", place $"{name}.bias"

        { plain name constant 1.0 with
            Spread = spread
            WeightNorm = norm (tensor $"{name}.weight")
            Positions = if bias < 0 then 0.0 else sqrt positions
            BiasNorm = if bias < 0 then 0.0 else norm (tensor $"{name}.bias")
            Terms = float terms
            Weight = weight
            Bias = bias }

    let convolution name stride isTransposed (input: int64[]) (output: int64[]) constant =
        let kernel = (tensor $"{name}.weight").shape
        // The side that the operator's windows are counted on, whichever of both it reads.
        let made = if isTransposed then input else output

        let overlap = windows kernel[2] stride made[1] * windows kernel[3] stride made[2]
        let channels = if isTransposed then kernel[0] else kernel[1]
        weighted name (sqrt overlap) (float (output[1] * output[2])) (channels * kernel[2] * kernel[3]) constant

    let batchNorm name (statistics: BatchStatistics) (shape: int64[]) constant =
        let places = float (count shape[1..])

        let slopes =
            statistics.Variance
            |> Array.map (fun variance -> 1.0 / sqrt (variance + statistics.Epsilon))

        let offsets =
            Array.map2 (fun (mean: float) slope -> abs mean * slope) statistics.Mean slopes

        { weighted name (Array.max slopes) places 0L constant with
            Offset = sqrt places * Array.max offsets
            Roundings = normalising }

    let layerNorm name epsilon (shape: int64[]) =
        let features = float shape[shape.Length - 1]
        let places = float (count shape) / features
        let weight = tensor $"{name}.weight"
        let largest = weight.abs().max().ToDouble()

        { weighted name 1.0 places 0L (Bound.proven largest) with
            Kind = NormalisingStep(features, places, epsilon)
            // Mean and variance by Welford's or the two-pass formula, whose rounding grows with the number of features.
            Roundings = 4.0 * features + 32.0 }

    /// The steps of a chain for an input's shape, and the shape of what it puts out.
    member builder.Chain (shape: int64[]) (layers: TargetLayer list) : LayerStep[] * int64[] =
        let steps, output = List.mapFold builder.Step shape layers
        List.toArray steps, output

    member private builder.Step (shape: int64[]) layer : LayerStep * int64[] =
        match layer with
        | ResidualLayer(body, shortcut) ->
            let first, output = builder.Chain shape body
            let second, other = builder.Chain shape shortcut

            if output <> other then
                refuse $"A residual's body puts out {shapeText output}, its skip {shapeText other}."

            { plain "Residual" (Bound.proven 0.0) 1.0 with
                Kind = SumStep
                Branches = [| first; second |] },
            output
        | ConcatenationLayer body ->
            let inner, output = builder.Chain shape body

            if output.Length <> shape.Length || output[1..] <> shape[1..] then
                refuse
                    $"A concatenation's body puts out {shapeText output}, which does not fit beside its input {shapeText shape}."

            { plain "Concatenation" (Bound.proven 0.0) 0.0 with
                Kind = BesideStep
                Branches = [| inner |] },
            Array.append [| shape[0] + output[0] |] output[1..]
        | _ ->
            let effect =
                LayerRules.rule
                    weights
                    layer
                    { Shape = shape
                      Norm = infinity
                      Radius = 0.0 }

            builder.Leaf(layer, shape, effect.OutputShape, inputBound effect), effect.OutputShape

    member private _.Leaf(layer, input, output, constant) =
        match layer with
        | LinearLayer name ->
            let places = count output / output[output.Length - 1]
            let inputs = (tensor $"{name}.weight").shape[1]
            weighted name 1.0 (float places) inputs constant
        | Conv2dLayer(name, stride, _) -> convolution name stride false input output constant
        | ConvTranspose2dLayer(name, stride, _) -> convolution name stride true input output constant
        | BatchNormLayer(name, Some statistics) -> batchNorm name statistics input constant
        | LayerNormLayer(name, epsilon, _) -> layerNorm name epsilon input
        | EmbeddingLayer name ->
            // Whole numbers do not move; one token may stand at every place.
            { plain name (Bound.proven 0.0) 0.0 with
                Weight = place $"{name}.weight"
                Offset = sqrt (float (count input)) }
        | PositionEmbeddingLayer name -> added (plain name constant 1.0) (place name) (tensor name)
        | ClassTokenLayer name -> added (plain name constant 0.0) (place name) (tensor name)
        | ReLULayer -> plain "ReLU" constant 0.0
        | MaxPool2dLayer _ -> plain "MaxPool2d" constant 0.0
        | FlattenLayer -> plain "Flatten" constant 0.0
        | DropoutLayer -> plain "Dropout" constant 0.0
        | ReshapeLayer _ -> plain "Reshape" constant 0.0
        | FirstTokenLayer -> plain "FirstToken" constant 0.0
        | TokensLayer -> plain "Tokens" constant 0.0
        | TanhLayer -> plain "Tanh" constant 4.0
        | SiLULayer -> plain "SiLU" constant 8.0
        | GELULayer -> plain "GELU" constant 8.0
        // A mean is a sum of numbers of which none is larger than in the exact mean of their sizes, and a division.
        | AvgPool2dLayer(window, _, _) -> plain "AvgPool2d" constant (float (window * window) + 1.0)
        | GlobalAveragePool2dLayer -> plain "GlobalAveragePool2d" constant (float (input[1] * input[2]) + 1.0)
        | UserLayer stated ->
            { plain stated.Name constant stated.Roundings.Value with
                Positions = 1.0
                BiasNorm = stated.AtZero
                Shares =
                    [| for name, share in stated.WeightConstants ->
                           let found = place name

                           if found < 0 then
                               refuse $"The layout has no '{name}'."

                           struct (found, share) |] }
        | ResidualLayer _
        | ConcatenationLayer _
        | LstmLayer _
        | GruLayer _
        | SelfAttentionLayer _
        | BatchNormLayer(_, None) -> refuse $"{(unmodelled [ layer ]).Value} has no model of its rounding."
