namespace MappingNets.Core

open System
open TorchSharp

type FullMatrixSettings =
    { Decay: float
      Momentum: float
      Damping: float
      Power: float
      Length: float }

module FullMatrix =

    let standard =
        { Decay = 0.99
          Momentum = 0.9
          Damping = 0.001
          Power = 0.5
          Length = 0.3 }

    let accumulate settings (curvature: torch.Tensor) (gradient: torch.Tensor) =
        curvature.mul_(settings.Decay.ToScalar()).addr_ (gradient, gradient, alpha = float32 (1.0 - settings.Decay))
        |> ignore

    let curvature settings (curvature: torch.Tensor) (gradient: torch.Tensor) =
        let result = curvature.clone ()
        accumulate settings result gradient
        result

    let inversePower settings (curvature: torch.Tensor) (steps: int64) =
        use scope = torch.NewDisposeScope()
        let count = curvature.shape[0]
        let corrected = curvature / (1.0 - Math.Pow(settings.Decay, float steps)).ToScalar()
        let mean = corrected.diagonal().mean ()

        let result =
            if mean.ToDouble() > 0.0 && Double.IsFinite(mean.ToDouble()) then
                // Relative to the mean, so that gradients far below single precision's squares still have a direction.
                let struct (values, vectors) = torch.linalg.eigh (corrected / mean)

                let powers =
                    (values.clamp_min (0.0.ToScalar()) + settings.Damping.ToScalar()).pow ((-settings.Power).ToScalar())

                (vectors * powers).matmul (vectors.t ())
            else
                torch.eye (count, dtype = curvature.dtype, device = curvature.device)

        result.MoveToOuterDisposeScope()

    let step settings (inversePower: torch.Tensor) (mean: torch.Tensor) (rate: float) =
        use scope = torch.NewDisposeScope()
        let direction = inversePower.mv mean
        let norm = direction.norm().ToDouble()

        let scale =
            if norm > 0.0 then
                -rate * settings.Length * sqrt (float mean.shape[0]) / norm
            else
                0.0

        (direction * scale.ToScalar()).MoveToOuterDisposeScope()
