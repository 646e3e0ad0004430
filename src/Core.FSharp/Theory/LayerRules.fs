/// What each layer does: the rules, and how a chain of layers joins them.
module internal MappingNets.Core.LayerRules

open System
open TorchSharp
open MappingNets.Core.LayerEffects
open MappingNets.Core.SequenceRules

let private slide describe (side: int64) size stride padding =
    if stride < 1L || size < 1L || padding < 0L then
        refuse $"{describe}: window and stride must be at least 1, padding at least 0."

    if side + 2L * padding < size then
        refuse $"{describe} does not fit into {side} pixels."

    (side + 2L * padding - size) / stride + 1L

let private pooled what window stride padding (shape: int64[]) =
    match shape with
    | [| channels; height; width |] ->
        let rows = slide what height window stride padding
        let columns = slide what width window stride padding
        struct ([| channels; rows; columns |], sqrt (windows window stride rows * windows window stride columns))
    | _ -> refuse $"{what} takes (C, H, W), not {shapeText shape}."

let private linear (weights: Weights) name arrival =
    let weight = weights.Find($"{name}.weight", 2)
    let shape = arrival.Shape

    if shape.Length = 0 || shape[shape.Length - 1] <> weight.shape[1] then
        refuse $"'{name}' takes ({weight.shape[1]}); the layers before it put out {shapeText shape}."

    let before = shape[.. shape.Length - 2]
    let gain = SingularBounds.spectralNorm weight + arrival.Radius

    let struct (bias, share) =
        biasOf weights $"{name}.bias" arrival.Radius (float (count before))

    { silent (Array.append before [| weight.shape[0] |]) gain (times gain arrival.Norm + bias) with
        Shares = ($"{name}.weight", arrival.Norm) :: share }

/// A convolution or its transpose: the operator is the same seen from the other side.
let private convolution (weights: Weights) name stride padding isTransposed arrival =
    let weight = weights.Find($"{name}.weight", 4)
    let kernel = weight.shape

    match arrival.Shape with
    | [| channels; height; width |] when channels = (if isTransposed then kernel[0] else kernel[1]) ->
        let side (size: int64) (window: int64) =
            if isTransposed then
                let output = (size - 1L) * stride - 2L * padding + window

                if stride < 1L || padding < 0L || output < 1L then
                    refuse $"'{name}': a stride of {stride} and a padding of {padding} leave nothing of {size} pixels."

                output
            else
                slide $"'{name}'" size window stride padding

        let rows, columns = side height kernel[2], side width kernel[3]
        // The image that the convolution reads and what it makes, whichever of them is the layer's output.
        let struct (readRows, readColumns, madeRows, madeColumns) =
            if isTransposed then
                struct (rows, columns, height, width)
            else
                struct (height, width, rows, columns)

        let overlap =
            sqrt (windows kernel[2] stride madeRows * windows kernel[3] stride madeColumns)

        let reshaped =
            overlap * SingularBounds.spectralNorm (weight.reshape (kernel[0], -1L))

        let operator =
            min reshaped (ConvolutionNorm.above weight readRows readColumns stride)

        let gain = operator + overlap * arrival.Radius

        let struct (bias, share) =
            biasOf weights $"{name}.bias" arrival.Radius (float (rows * columns))

        let outputs = if isTransposed then kernel[1] else kernel[0]

        { silent [| outputs; rows; columns |] gain (times gain arrival.Norm + bias) with
            Shares = ($"{name}.weight", times overlap arrival.Norm) :: share }
    | shape ->
        let channels = if isTransposed then kernel[0] else kernel[1]
        refuse $"'{name}' takes ({channels}, H, W); the layers before it put out {shapeText shape}."

/// gamma * x + beta of a normalised x of a norm, gamma and beta repeated in so many places.
let private rescaled (weights: Weights) name arrival gain normalisedNorm places =
    let weight = weights.Find($"{name}.weight", 1)
    let largest = weight.abs().max().ToDouble() + arrival.Radius
    let struct (bias, share) = biasOf weights $"{name}.bias" arrival.Radius places

    { silent arrival.Shape (largest * gain) (times largest normalisedNorm + bias) with
        Shares = ($"{name}.weight", normalisedNorm) :: share }

let private batchNorm (weights: Weights) name statistics arrival =
    let channels = weights.Find($"{name}.weight", 1).shape[0]

    if arrival.Shape.Length = 0 || arrival.Shape[0] <> channels then
        refuse $"'{name}' takes {channels} channels; the layers before it put out {shapeText arrival.Shape}."

    match statistics with
    | None ->
        let cause =
            Bound.notEstablished
                $"'{name}' normalises by the batch's own statistics, which has no constant for one sample"

        { silent arrival.Shape infinity infinity with
            Causes = [ cause ] }
    | Some statistics ->
        if
            statistics.Mean.Length <> int channels
            || statistics.Variance.Length <> int channels
            || statistics.Variance
               |> Array.exists (fun value -> not (value + statistics.Epsilon > 0.0))
            || statistics.Mean |> Array.exists (Double.IsFinite >> not)
        then
            refuse
                $"The statistics of '{name}' must be {channels} finite means, and as many variances that are positive with epsilon."

        let places = float (count arrival.Shape[1..])

        let slopes =
            statistics.Variance
            |> Array.map (fun variance -> 1.0 / sqrt (variance + statistics.Epsilon))

        let offset =
            Array.map2 (fun mean slope -> mean * slope * mean * slope) statistics.Mean slopes
            |> Array.sum
            |> sqrt

        let steepest = Array.max slopes
        let normalised = times steepest arrival.Norm + sqrt places * offset
        let effect = rescaled weights name arrival steepest normalised places

        // Channel by channel it is steepest where gamma over the deviation is.
        let weight = (weights.Find($"{name}.weight", 1)).abs().data<float>().ToArray()

        { effect with
            Gain =
                Array.map2 (fun size slope -> (size + arrival.Radius) * slope) weight slopes
                |> Array.max }

let private layerNorm (weights: Weights) name epsilon deviation arrival =
    let features = weights.Find($"{name}.weight", 1).shape[0]
    let shape = arrival.Shape

    if shape.Length = 0 || shape[shape.Length - 1] <> features then
        refuse $"'{name}' takes ({features}); the layers before it put out {shapeText shape}."

    if not (epsilon > 0.0) then
        refuse $"The epsilon of '{name}' is {epsilon}; it must be positive."

    let least = defaultArg deviation 0.0

    if not (least >= 0.0 && Double.IsFinite least) then
        refuse $"The deviation of '{name}' is {least}; it must be a finite number of at least 0."

    let gain = 1.0 / sqrt (least * least + epsilon)
    let places = float (count shape[.. shape.Length - 2])
    // Each normalised vector has a norm below sqrt n.
    let normalised = min (times gain arrival.Norm) (sqrt (float (count shape)))
    let effect = rescaled weights name arrival gain normalised places

    { effect with
        Causes =
            if least > 0.0 then
                [ Bound.assumed $"the inputs of '{name}' deviate by at least {least}" 0.0 ]
            else
                [] }

let private stated (layer: StatedLayer) =
    for value in
        layer.InputConstant :: layer.AtZero :: Option.toList layer.Roundings
        @ List.map snd layer.WeightConstants do
        if not (value >= 0.0 && Double.IsFinite value) then
            refuse $"'{layer.Name}' states the constant {value}; constants are finite numbers of at least 0."

    fun arrival ->
        { silent layer.OutputShape layer.InputConstant (times layer.InputConstant arrival.Norm + layer.AtZero) with
            Shares = layer.WeightConstants
            Causes = [ Bound.assumed $"the constants of '{layer.Name}' are stated" 0.0 ] }

/// Shares of several sources by tensor: what a tensor does through each of them, added up.
let addShares (shares: (string * float) list) =
    shares
    |> List.groupBy fst
    |> List.map (fun (name, own) -> name, own |> List.sumBy snd)

/// The layers of a chain as one.
let rec chain (weights: Weights) layers (arrival: Arrival) : Effect =
    let pass before layer =
        let effect =
            rule
                weights
                layer
                { arrival with
                    Shape = before.OutputShape
                    Norm = before.OutputNorm }

        { effect with
            Gain = times before.Gain effect.Gain
            Shares =
                (before.Shares |> List.map (fun (name, share) -> name, times share effect.Gain))
                @ effect.Shares
            Causes = before.Causes @ effect.Causes
            InputCauses = before.InputCauses @ effect.InputCauses }

    let effect = List.fold pass (silent arrival.Shape 1.0 arrival.Norm) layers

    { effect with
        Shares = addShares effect.Shares }

and rule weights layer arrival =
    let shape = arrival.Shape
    // None of these makes a number larger.
    let elementwise constant = silent shape constant arrival.Norm
    let moved shape = silent shape 1.0 arrival.Norm

    match layer with
    | LinearLayer name -> linear weights name arrival
    | Conv2dLayer(name, stride, padding) -> convolution weights name stride padding false arrival
    | ConvTranspose2dLayer(name, stride, padding) -> convolution weights name stride padding true arrival
    | BatchNormLayer(name, statistics) -> batchNorm weights name statistics arrival
    | LayerNormLayer(name, epsilon, deviation) -> layerNorm weights name epsilon deviation arrival
    | ReLULayer
    | TanhLayer
    | DropoutLayer -> elementwise 1.0
    | SiLULayer -> elementwise 1.0999
    | GELULayer -> elementwise 1.12891
    | MaxPool2dLayer(window, stride, padding) ->
        let struct (output, constant) = pooled "Max pooling" window stride padding shape
        silent output constant (times constant arrival.Norm)
    | AvgPool2dLayer(window, stride, padding) ->
        let struct (output, overlap) = pooled "Average pooling" window stride padding shape
        let constant = overlap / float window
        silent output constant (times constant arrival.Norm)
    | GlobalAveragePool2dLayer ->
        match shape with
        | [| channels; height; width |] ->
            let constant = 1.0 / sqrt (float (height * width))
            silent [| channels |] constant (times constant arrival.Norm)
        | _ -> refuse $"Average pooling takes (C, H, W), not {shapeText shape}."
    | FlattenLayer -> moved [| count shape |]
    | ReshapeLayer output ->
        if count output <> count shape then
            refuse $"{shapeText shape} cannot be reshaped to {shapeText output}."

        moved output
    | ResidualLayer(body, shortcut) ->
        let first, second = chain weights body arrival, chain weights shortcut arrival

        if first.OutputShape <> second.OutputShape then
            refuse $"A residual's body puts out {shapeText first.OutputShape}, its skip {shapeText second.OutputShape}."

        { first with
            Gain = first.Gain + second.Gain
            OutputNorm = first.OutputNorm + second.OutputNorm
            Shares = addShares (first.Shares @ second.Shares)
            Causes = first.Causes @ second.Causes
            InputCauses = first.InputCauses @ second.InputCauses }
    | ConcatenationLayer body ->
        let inner = chain weights body arrival
        let output = inner.OutputShape

        if output.Length <> shape.Length || output[1..] <> shape[1..] then
            refuse
                $"A concatenation's body puts out {shapeText output} beside {shapeText shape}; only the first size may differ."

        { inner with
            OutputShape = Array.append [| shape[0] + output[0] |] shape[1..]
            Gain = sqrt (1.0 + inner.Gain * inner.Gain)
            OutputNorm = sqrt (arrival.Norm * arrival.Norm + inner.OutputNorm * inner.OutputNorm) }
    | LstmLayer(name, layers, wholeSequence) -> recurrent weights name 4L layers wholeSequence lstmResponse arrival
    | GruLayer(name, layers, wholeSequence) -> recurrent weights name 3L layers wholeSequence gruResponse arrival
    | SelfAttentionLayer(name, heads) -> attention weights name heads arrival
    | EmbeddingLayer name -> embedding weights name arrival
    | PositionEmbeddingLayer name -> positionEmbedding weights name arrival
    | ClassTokenLayer name -> classToken weights name arrival
    | FirstTokenLayer ->
        match shape with
        | [| _; features |] -> moved [| features |]
        | _ -> refuse $"The first token is taken of (T, features), not of {shapeText shape}."
    | TokensLayer ->
        match shape with
        | [| channels; height; width |] -> moved [| height * width; channels |]
        | _ -> refuse $"Tokens are made of (C, H, W), not of {shapeText shape}."
    | UserLayer layer -> stated layer arrival
