namespace MappingNets.Core

open System
open TorchSharp

type LayerStep =
    { Name: string
      Constant: float
      Spread: float
      WeightNorm: float
      Positions: float
      BiasNorm: float
      Terms: float
      Roundings: float
      Weight: int
      Bias: int }

module OutputShift =

    let private place (target: TargetDescription) name =
        Array.FindIndex(target.Layout.Entries, (fun entry -> entry.Name = name))

    let private weighted (target: TargetDescription) (tensors: torch.Tensor[]) name spread positions constant =
        let weight, bias = place target $"{name}.weight", place target $"{name}.bias"

        let norm place =
            if place < 0 then 0.0 else tensors[place].norm().ToDouble()

        let shape = tensors[weight].shape

        { Name = name
          Constant = constant
          Spread = spread
          WeightNorm = norm weight
          Positions = if bias < 0 then 0.0 else sqrt positions
          BiasNorm = norm bias
          Terms = float (tensors[weight].numel () / shape[0])
          Roundings = 1.0
          Weight = weight
          Bias = bias }

    let private plain name roundings constant =
        { Name = name
          Constant = constant
          Spread = 0.0
          WeightNorm = 0.0
          Positions = 0.0
          BiasNorm = 0.0
          Terms = 0.0
          Roundings = roundings
          Weight = -1
          Bias = -1 }

    let steps (target: TargetDescription) theta =
        let layers = NetworkLipschitz.layers target theta
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let tensors = target.Layout.Split(theta.detach().cpu().to_type torch.float64)

        layers
        |> Array.map (fun known ->
            let constant = known.InputConstant.Value

            let unmodelled what =
                raise (
                    System.ArgumentException(
                        $"{what} has a Lipschitz rule but no model of its rounding here.",
                        nameof target
                    )
                )

            match known.Layer with
            | LinearLayer name ->
                let places = known.OutputShape |> Array.fold (*) 1L
                let features = known.OutputShape[known.OutputShape.Length - 1]
                weighted target tensors name 1.0 (float (places / features)) constant
            | Conv2dLayer(name, stride, _) ->
                let kernel = tensors[place target $"{name}.weight"].shape
                let rows, columns = known.OutputShape[1], known.OutputShape[2]

                let windows size outputs =
                    float (min outputs ((size + stride - 1L) / stride))

                let overlap = windows kernel[2] rows * windows kernel[3] columns
                weighted target tensors name (sqrt overlap) (float (rows * columns)) constant
            | ReLULayer -> plain "ReLU" 0.0 constant
            | MaxPool2dLayer _ -> plain "MaxPool2d" 0.0 constant
            | FlattenLayer -> plain "Flatten" 0.0 constant
            | TanhLayer -> plain "Tanh" 4.0 constant
            | SiLULayer -> plain "SiLU" 8.0 constant
            | GELULayer -> plain "GELU" 8.0 constant
            | DropoutLayer -> plain "Dropout" 0.0 constant
            | ReshapeLayer _ -> plain "Reshape" 0.0 constant
            | FirstTokenLayer -> plain "FirstToken" 0.0 constant
            | TokensLayer -> plain "Tokens" 0.0 constant
            // A mean is a sum of numbers of which none is larger than in the exact mean of their sizes, and a division.
            | AvgPool2dLayer(window, _, _) -> plain "AvgPool2d" (float (window * window) + 1.0) constant
            | other -> unmodelled $"%A{other}")

    let outputs (steps: LayerStep[]) (inputs: float[]) (moved: float[]) roundoff =
        let gamma terms =
            terms * roundoff / (1.0 - terms * roundoff)

        let shift place = if place < 0 then 0.0 else moved[place]

        let pass distance (step, reaching) =
            let weight, bias = shift step.Weight, shift step.Bias
            // What reaches the layer as it is computed, and its weights as they are computed.
            let input = reaching + distance

            let exact =
                (step.Constant + step.Spread * weight) * distance
                + step.Spread * weight * reaching
                + step.Positions * bias

            let sizes =
                step.Spread * (step.WeightNorm + weight) * input
                + step.Positions * (step.BiasNorm + bias)

            let rounded =
                if step.Terms > 0.0 then
                    gamma (step.Terms + step.Roundings) * sizes
                else
                    gamma step.Roundings * step.Constant * input

            exact + rounded

        Array.zip steps inputs |> Array.fold pass 0.0

    let moved (shifts: TensorShift[]) radius =
        shifts
        |> Array.map (fun shift -> shift.Moves radius + shift.Rounding 0.0 + shift.Rounding radius)

    let radius steps shifts inputs margin =
        let holds radius =
            sqrt 2.0 * outputs steps inputs (moved shifts radius) TensorShift.unitRoundoff < margin

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

    let noiseNorm deviation (count: int64) risk =
        if not (deviation >= 0.0 && Double.IsFinite deviation) then
            raise (
                ArgumentOutOfRangeException(
                    nameof deviation,
                    deviation,
                    "The noise's standard deviation must be a finite number of at least 0."
                )
            )

        if not (risk > 0.0 && risk < 1.0) then
            raise (ArgumentOutOfRangeException(nameof risk, risk, "The risk must lie between 0 and 1."))

        deviation * (sqrt (float count) + sqrt (-2.0 * log risk))
