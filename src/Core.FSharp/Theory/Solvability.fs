namespace MappingNets.Core

open System
open TorchSharp
open MappingNets.Core.SolvabilityPhases

module Solvability =

    let defaults =
        { Method = GaussNewton
          MaximumIterations = 50
          Tolerance = 1e-12
          LeastSquaresIterations = 500
          SpectrumSteps = 40
          Delta = None
          RemainderConstant = None }

    let private check (options: SolvabilityOptions) (map: DifferentiableMap) start target =
        requireFinite (nameof start) (int64 map.LatentCount) start
        requireFinite (nameof target) map.WeightCount target

        for name, value in
            [ "MaximumIterations", options.MaximumIterations
              "LeastSquaresIterations", options.LeastSquaresIterations
              "SpectrumSteps", options.SpectrumSteps ] do
            if value < 1 then
                raise (ArgumentOutOfRangeException($"options.{name}", value, "It must be at least 1."))

        if not (options.Tolerance > 0.0 && options.Tolerance < 1.0) then
            raise (
                ArgumentOutOfRangeException("options.Tolerance", options.Tolerance, "It must be above 0 and below 1.")
            )

        options.Delta |> Option.iter (requirePositive "options.Delta")

        match options.RemainderConstant with
        | Some constant when not (constant >= 0.0 && Double.IsFinite constant) ->
            raise (
                ArgumentOutOfRangeException(
                    "options.RemainderConstant",
                    constant,
                    "C_2 must be a finite number of at least 0."
                )
            )
        | _ -> ()

    let private toDouble (tensor: torch.Tensor) =
        tensor.detach().to_type (torch.float64, copy = true)

    let certify options (map: DifferentiableMap) (start: torch.Tensor) (target: torch.Tensor) =
        check options map start target
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        let problem =
            { Options = options
              Map = map
              Start = toDouble start
              Target = (toDouble target).``to`` start.device }

        let residual = problem.ResidualAt problem.Start
        requireFinite "g(z_0)" map.WeightCount residual
        let derivative = map.Derivative problem.Start
        let key = CounterHash.named "solvability" (CounterHash.ofSeed 0UL)

        let singular =
            LeastSquares.singularValues options.SpectrumSteps key problem.Start derivative

        if not (singular.Smallest > 1e-10 * singular.Largest) then
            raise (
                InvalidOperationException(
                    $"A = J_omega B + J_z is singular at z_0: its smallest singular value is {singular.Smallest:g3}, its largest {singular.Largest:g3}. Theorem 2 needs a bounded pseudo-inverse; start from another latent or with fewer latents."
                )
            )

        let firstStep = problem.Solve derivative residual
        let reachable = derivative.Apply firstStep
        let unreachable = residual - reachable

        let struct (local, observed, firstRemainder) =
            contract problem derivative residual firstStep

        let ``global`` = walk problem singular.Largest

        let endOf (phase: SolvabilityPhase) =
            phase.Residuals[phase.Residuals.Length - 1]

        let latent, distance =
            // Of equals the global phase's: NaN where the contraction ran away.
            if endOf local < endOf ``global`` then
                local.Latent.clone (), endOf local
            else
                ``global``.Latent.clone (), endOf ``global``

        let displacement = norm (latent - problem.Start)

        let radius =
            [ norm firstStep; displacement; norm (``global``.Latent - problem.Start) ]
            |> List.max

        let source, constant =
            match map.Curvature, options.RemainderConstant with
            | Some curvature, _ -> ClosedForm, Some(curvature problem.Start radius / 2.0)
            | None, Some stated -> Stated, Some stated
            | None, None -> Unknown, None

        let rounding = 1e-10 * (1.0 + norm residual + norm problem.Target)
        let firstLength = norm firstStep

        let quadratic =
            constant |> Option.map (fun value -> value * firstLength * firstLength)

        let displacementBound =
            Option.map2
                (fun delta value -> if value = 0.0 then infinity else sqrt (delta / value))
                options.Delta
                constant

        let stationary (at: LinearMap) (point: torch.Tensor) =
            norm (at.TransposeApply(problem.ResidualAt point)) / singular.Largest

        let floor = 1e-12 * (1.0 + norm problem.Start)

        let out (tensor: torch.Tensor) = tensor.MoveToOuterDisposeScope()

        { Latent = out latent
          Local = { local with Latent = out local.Latent }
          Global =
            { ``global`` with
                Latent = out ``global``.Latent }
          Assumptions =
            { RemainderConstant = constant
              Source = source
              Radius = radius }
          Estimates =
            { Singular = singular
              ContractionFactor = contractionFactor local.StepLengths floor
              Order = orderOf ``global``.StepLengths floor
              ObservedRemainder = observed }
          Facts =
            { Residual = norm residual
              Reachable = out reachable
              Unreachable = out unreachable
              ReachableNorm = norm reachable
              UnreachableNorm = norm unreachable
              FirstStepRemainder = firstRemainder
              QuadraticBound = quadratic
              QuadraticBoundHeld = quadratic |> Option.map (fun bound -> firstRemainder <= bound + rounding)
              FixedPointResidual = stationary derivative local.Latent
              Displacement = displacement
              DisplacementBound = displacementBound
              DisplacementBoundHeld = displacementBound |> Option.map (fun bound -> displacement <= bound)
              Distance = distance
              StationaryResidual = stationary (map.Derivative latent) latent } }
