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

    let private requireShare (argument: string) value =
        if not (value >= 0.0 && value < 1.0) then
            raise (ArgumentOutOfRangeException(argument, value, "It must be from 0 to below 1."))

    let private requireSquare argument (count: int64) (matrix: torch.Tensor) =
        ArgumentNullException.ThrowIfNull(matrix, argument)

        if matrix.shape <> [| count; count |] then
            raise (
                ArgumentException($"The shape is {shapeText matrix.shape}; it must be ({count}, {count}).", argument)
            )

    /// Refuses settings whose largest power of an eigenvalue, Damping^-Power, is infinite or 0 in C's precision: with the zeros of the eigenvectors
    /// infinity makes NaN, and 0 no step at all.
    let private requirePower settings (precision: torch.ScalarType) =
        let held (value: float) =
            if precision = torch.float64 then
                value
            else
                float (float32 value)

        let largest = held (Math.Pow(held settings.Damping, -settings.Power))

        if not (largest > 0.0 && Double.IsFinite largest) then
            raise (
                ArgumentOutOfRangeException(
                    nameof settings.Damping,
                    settings.Damping,
                    $"It gives {largest} to the power of -{settings.Power} in the curvature's precision, {precision}; that must be a positive finite number."
                )
            )

    let accumulate settings (curvature: torch.Tensor) (gradient: torch.Tensor) =
        use decay = settings.Decay.ToScalar()

        curvature.mul_(decay).addr_ (gradient, gradient, alpha = float32 (1.0 - settings.Decay))
        |> ignore

    let curvature settings (curvature: torch.Tensor) (gradient: torch.Tensor) =
        ArgumentNullException.ThrowIfNull(gradient, nameof gradient)
        requireVector (nameof gradient) (gradient.numel ()) gradient
        requireSquare (nameof curvature) (gradient.numel ()) curvature
        requireShare (nameof settings.Decay) settings.Decay
        let result = curvature.clone ()
        accumulate settings result gradient
        result

    let inversePower settings (curvature: torch.Tensor) (steps: int64) =
        ArgumentNullException.ThrowIfNull(curvature, nameof curvature)
        let count = curvature.shape |> Array.tryHead |> Option.defaultValue 0L

        if count = 0L || curvature.shape <> [| count; count |] then
            raise (
                ArgumentException(
                    $"The shape is {shapeText curvature.shape}; it must be (d, d) with a d of at least 1.",
                    nameof curvature
                )
            )

        requireShare (nameof settings.Decay) settings.Decay
        requirePositive (nameof settings.Damping) settings.Damping
        requirePositive (nameof settings.Power) settings.Power
        requirePower settings curvature.dtype

        if steps < 1L then
            raise (
                ArgumentOutOfRangeException(nameof steps, steps, "There must be at least 1 gradient in the curvature.")
            )

        use scope = torch.NewDisposeScope()
        use share = (1.0 - Math.Pow(settings.Decay, float steps)).ToScalar()
        let corrected = curvature / share
        let mean = corrected.diagonal().mean ()

        let result =
            if mean.ToDouble() > 0.0 && Double.IsFinite(mean.ToDouble()) then
                // Relative to the mean, so that gradients far below single precision's squares still have a direction.
                let struct (values, vectors) = torch.linalg.eigh (corrected / mean)
                use zero = 0.0.ToScalar()
                use damping = settings.Damping.ToScalar()
                use exponent = (-settings.Power).ToScalar()
                let powers = (values.clamp_min zero + damping).pow exponent

                (vectors * powers).matmul (vectors.t ())
            else
                torch.eye (count, dtype = curvature.dtype, device = curvature.device)

        result.MoveToOuterDisposeScope()

    let step settings (inversePower: torch.Tensor) (mean: torch.Tensor) (rate: float) =
        ArgumentNullException.ThrowIfNull(mean, nameof mean)
        requireVector (nameof mean) (mean.numel ()) mean
        requireSquare (nameof inversePower) (mean.numel ()) inversePower
        requirePositive (nameof settings.Length) settings.Length
        use scope = torch.NewDisposeScope()
        let plain = inversePower.mv mean
        let plainNorm = plain.norm().ToDouble()

        // The squares of very small or large numbers are 0, or infinite, in single precision.
        let direction, norm =
            if plainNorm > 1e-15 && plainNorm < 1e15 then
                plain, plainNorm
            else
                let largest = plain.abs().max ()

                if largest.ToDouble() > 0.0 then
                    let unit = plain / largest
                    unit, unit.norm().ToDouble()
                else
                    plain, plainNorm

        let scale =
            if norm > 0.0 then
                -rate * settings.Length * sqrt (float mean.shape[0]) / norm
            else
                0.0

        use scale = scale.ToScalar()
        (direction * scale).MoveToOuterDisposeScope()
