namespace MappingNets.Core

open System
open TorchSharp

type TargetLayer =
    | LinearLayer of name: string
    | Conv2dLayer of name: string * stride: int64 * padding: int64
    | ReLULayer
    | TanhLayer
    | SiLULayer
    | MaxPool2dLayer of window: int64 * stride: int64
    | FlattenLayer

type TargetDescription =
    { Layout: ParameterLayout
      InputShape: int64[]
      Layers: TargetLayer list }

type LayerLipschitz =
    { Layer: TargetLayer
      InputConstant: float
      OutputShape: int64[] }

module NetworkLipschitz =

    let crossEntropy = sqrt 2.0

    let private siluConstant = 1.0999

    /// The weights of a layer that has some.
    type private Weights =
        {
            /// The spectral norm of the weight as a matrix (outputs, the rest).
            MatrixNorm: float
            /// How many of the layer's windows hold one input value, at most: 1 for a linear layer.
            Overlap: float
            /// How many positions the bias is added to.
            Positions: float
            /// None where there is no bias.
            BiasNorm: float option
        }

    /// A layer with the shape of its output. The constant of a layer with weights is sqrt Overlap MatrixNorm.
    type private Step =
        { Layer: TargetLayer
          OutputShape: int64[]
          Weights: Weights option
          OwnConstant: float }

    let private refuse text =
        raise (ArgumentException(text, "target"))

    let private find (target: TargetDescription) name =
        target.Layout.Entries |> Array.tryFind (fun entry -> entry.Name = name)

    let private slice (theta: torch.Tensor) (entry: ParameterEntry) =
        theta.narrow(0L, entry.Offset, entry.Count).view entry.Shape

    let private weightOf target theta name rank =
        match find target $"{name}.weight" with
        | Some entry when entry.Shape.Length = rank -> slice theta entry
        | Some entry ->
            refuse $"'{name}.weight' has the shape {shapeText entry.Shape}; the layer's weight has {rank} sizes."
        | None -> refuse $"The layout has no '{name}.weight'."

    let private biasNorm target theta name =
        find target $"{name}.bias"
        |> Option.map (fun entry -> (slice theta entry).norm().ToDouble())

    let private matrixNorm (weight: torch.Tensor) =
        torch.linalg.svdvals(weight.reshape (weight.shape[0], -1L)).max().ToDouble()

    /// How many windows of a size and stride hold one value along one side.
    let private windows (size: int64) (stride: int64) (outputs: int64) =
        float (min outputs ((size + stride - 1L) / stride))

    let private pooled describe (sides: int64) size stride padding =
        if stride < 1L || size < 1L || padding < 0L then
            refuse $"{describe}: window and stride must be at least 1, padding at least 0."

        let outputs = (sides + 2L * padding - size) / stride + 1L

        if sides + 2L * padding < size then
            refuse $"{describe} does not fit into {sides} pixels."

        outputs

    let private step target (theta: torch.Tensor) (shape: int64[]) layer =
        let plain constant outputShape =
            { Layer = layer
              OutputShape = outputShape
              Weights = None
              OwnConstant = constant }

        match layer with
        | ReLULayer
        | TanhLayer -> plain 1.0 shape
        | SiLULayer -> plain siluConstant shape
        | FlattenLayer -> plain 1.0 [| Array.fold (*) 1L shape |]
        | MaxPool2dLayer(window, stride) ->
            match shape with
            | [| channels; height; width |] ->
                let rows = pooled "Max pooling" height window stride 0L
                let columns = pooled "Max pooling" width window stride 0L
                plain (sqrt (windows window stride rows * windows window stride columns)) [| channels; rows; columns |]
            | _ -> refuse $"Max pooling takes (C, H, W), not {shapeText shape}."
        | LinearLayer name ->
            let weight = weightOf target theta name 2

            if shape <> [| weight.shape[1] |] then
                refuse $"'{name}' takes ({weight.shape[1]}); the layers before it put out {shapeText shape}."

            { Layer = layer
              OutputShape = [| weight.shape[0] |]
              Weights =
                Some
                    { MatrixNorm = matrixNorm weight
                      Overlap = 1.0
                      Positions = 1.0
                      BiasNorm = biasNorm target theta name }
              OwnConstant = 1.0 }
        | Conv2dLayer(name, stride, padding) ->
            let weight = weightOf target theta name 4

            match shape with
            | [| channels; height; width |] when channels = weight.shape[1] ->
                let rows = pooled $"'{name}'" height weight.shape[2] stride padding
                let columns = pooled $"'{name}'" width weight.shape[3] stride padding

                { Layer = layer
                  OutputShape = [| weight.shape[0]; rows; columns |]
                  Weights =
                    Some
                        { MatrixNorm = matrixNorm weight
                          Overlap = windows weight.shape[2] stride rows * windows weight.shape[3] stride columns
                          Positions = float (rows * columns)
                          BiasNorm = biasNorm target theta name }
                  OwnConstant = 1.0 }
            | _ -> refuse $"'{name}' takes ({weight.shape[1]}, H, W); the layers before it put out {shapeText shape}."

    let private steps (target: TargetDescription) (theta: torch.Tensor) =
        requireFinite (nameof theta) target.Layout.Count theta
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let precise = theta.detach().cpu().to_type torch.float64

        target.Layers
        |> List.mapFold
            (fun shape layer ->
                let step = step target precise shape layer
                step, step.OutputShape)
            target.InputShape
        |> fst

    let private constantOf step =
        match step.Weights with
        | None -> step.OwnConstant
        | Some weights -> sqrt weights.Overlap * weights.MatrixNorm

    let layers target theta =
        steps target theta
        |> List.map (fun step ->
            { Layer = step.Layer
              InputConstant = constantOf step
              OutputShape = step.OutputShape })
        |> List.toArray

    let inputLipschitz target theta =
        steps target theta |> List.map constantOf |> List.fold (*) 1.0

    let private atLeastZero (argument: string) (value: float) =
        if not (value >= 0.0 && Double.IsFinite value) then
            raise (ArgumentOutOfRangeException(argument, value, "It must be a finite number of at least 0."))

    let weightLipschitz target theta radius inputNorm =
        atLeastZero (nameof radius) radius
        atLeastZero (nameof inputNorm) inputNorm

        // The largest norm of what reaches the next layer, and the squared constant of the weights so far.
        let pass (reaching: float, squared: float) step =
            match step.Weights with
            | None ->
                let constant = step.OwnConstant
                constant * reaching, constant * constant * squared
            | Some weights ->
                // ||W|| <= ||W_theta|| + ||dW||_F on the ball; a convolution's operator norm is at most sqrt overlap times its matrix's.
                let spread = sqrt weights.Overlap
                let steepest = spread * (weights.MatrixNorm + radius)
                let throughWeight = spread * reaching

                match weights.BiasNorm with
                | None -> steepest * reaching, steepest * steepest * squared + throughWeight * throughWeight
                | Some bias ->
                    steepest * reaching + sqrt weights.Positions * (bias + radius),
                    steepest * steepest * squared
                    + throughWeight * throughWeight
                    + weights.Positions

        steps target theta |> List.fold pass (inputNorm, 0.0) |> snd |> sqrt

    let sampledWeightLipschitz (f: torch.Tensor -> torch.Tensor) (theta: torch.Tensor) radius key samples =
        requireFinite (nameof theta) (if theta.dim () = 1L then theta.shape[0] else 1L) theta
        requirePositive (nameof radius) radius

        if samples < 1 then
            raise (ArgumentOutOfRangeException(nameof samples, samples, "There must be at least one sample."))

        use _ = torch.no_grad ()

        let normals name sample (length: int64) =
            let stream = key |> CounterHash.named name |> CounterHash.child (uint64 sample)

            let values =
                Array.init (int length) (fun index -> CounterHash.normal stream (uint64 index))

            torch.tensor(values).``to`` (theta.dtype, theta.device)

        let slopeAt sample =
            use scope = torch.NewDisposeScope()
            let offset = normals "point" sample theta.shape[0]
            // Half of the ball, so that the step beside the point stays inside it.
            let share =
                0.5 * CounterHash.uniformDouble (CounterHash.named "share" key) (uint64 sample)

            let point = theta + offset * (share * radius / offset.norm().ToDouble()).ToScalar()
            let value = f point

            let gradient =
                Differentiation.jacobianTv f point (normals "projection" sample value.shape[0])

            let length = gradient.norm().ToDouble()

            if length = 0.0 then
                0.0
            else
                let step = gradient * (1e-4 * radius / length).ToScalar()
                (f (point + step) - value).norm().ToDouble() / step.norm().ToDouble()

        Seq.init samples slopeAt |> Seq.max
