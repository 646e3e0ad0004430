namespace MappingNets.Core

open System
open TorchSharp
open MappingNets
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

        options.RemainderConstant
        |> Option.iter (requireNotNegative "options.RemainderConstant" "C_2")

    let private key = CounterHash.named "solvability" (CounterHash.ofSeed 0UL)

    /// Up to so many entries the singular values come from a decomposition of the matrix.
    let private largestStored = 1L <<< 22

    let private spectrum steps (like: torch.Tensor) (map: LinearMap) =
        if map.Rows >= map.Columns && map.Rows * map.Columns <= largestStored then
            use scope = torch.NewDisposeScope()
            let values = torch.linalg.svdvals (LinearMap.toMatrix like map)

            { Largest = values.max().ToDouble()
              Smallest = values.min().ToDouble()
              IsComplete = true }
        else
            LeastSquares.singularValues steps key like map

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
              Target = (toDouble target).``to`` start.device
              FirstLength = 0.0
              Rounding = 0.0
              LargestSingular = 0.0 }

        let residual = problem.ResidualAt problem.Start
        requireFinite "g(z_0)" map.WeightCount residual
        let derivative = map.Derivative problem.Start
        let singular = spectrum options.SpectrumSteps problem.Start derivative
        // What a decomposition's rounding makes of a singular value of 0.
        let zero =
            8.0
            * float (max derivative.Rows derivative.Columns)
            * Rounding.unit
            * singular.Largest

        if not (singular.Smallest > zero) then
            raise (
                InvalidOperationException(
                    $"A = J_omega B + J_z is singular at z_0: its smallest singular value is {singular.Smallest:g3}, its largest {singular.Largest:g3}. Theorem 2 needs a bounded pseudo-inverse; start from another latent or with fewer latents."
                )
            )

        // What is known of the A of the products is less, by the error of computing A, of A itself.
        let derivativeRounding =
            map.DerivativeRounding |> Option.map (fun bound -> bound problem.Start)

        let bounds =
            derivativeRounding
            |> Option.bind (fun error ->
                SingularBounds.smallestAndFrobenius problem.Start derivative
                |> Option.map (fun struct (lowest, size) ->
                    struct ((lowest - error) * (1.0 - Rounding.gamma 4.0), size)))
            |> Option.filter (fun struct (lowest, _) -> lowest > 0.0)

        let smallest = bounds |> Option.map (fun struct (lowest, _) -> lowest)

        let linear = problem.Solve derivative residual
        let firstStep = linear.Solution
        let reachable = derivative.Apply firstStep
        let unreachable = residual - reachable
        let firstLength = norm firstStep

        let sizes =
            norm problem.Target
            + norm (problem.Target - residual)
            + singular.Largest * (norm problem.Start + firstLength)

        let cancelled =
            match map.EvaluationRounding with
            | Some bound -> bound problem.Start firstLength
            | None -> 0.0

        // Twice: it counts ||z||^2 of g at both ends of the step and of A between them, a^2 + (a + b)^2 + 2 a b <= 2 (a + b)^2.
        let rounding =
            Rounding.unit * (2.0 * float map.LatentCount + 64.0) * sizes + 2.0 * cancelled

        let reachableError =
            Option.map2
                (fun struct (lowest, size) error ->
                    // By ||A||_F from above: a singular value by Lanczos is one from below.
                    let lost =
                        Rounding.gamma (float (derivative.Rows + derivative.Columns) + 64.0)
                        * size
                        * (norm residual + norm reachable)

                    let gradient =
                        norm (derivative.TransposeApply unreachable) + lost + error * norm unreachable

                    // Along the range of A by the gradient there; across it the reachable part is off by what A x is.
                    gradient / lowest + error * firstLength)
                bounds
                derivativeRounding

        let problem =
            { problem with
                FirstLength = firstLength
                Rounding = rounding
                LargestSingular = singular.Largest }

        let struct (local, observed, firstRemainder) =
            contract problem derivative residual firstStep

        let largestOf (map: LinearMap) =
            (LeastSquares.singularValues options.SpectrumSteps key problem.Start map).Largest

        let ``global`` = walk problem largestOf

        let endOf (phase: SolvabilityPhase) =
            phase.Residuals[phase.Residuals.Length - 1]

        let found =
            // Of equals the global phase's: NaN where the contraction ran away.
            if endOf local < endOf ``global`` then local else ``global``

        let latent, distance = found.Latent.clone (), endOf found

        let displacement = norm (latent - problem.Start)

        let radius =
            [ firstLength
              displacement
              for phase in [ local; ``global`` ] do
                  if phase.Converged then
                      norm (phase.Latent - problem.Start) ]
            |> List.max

        let source, constant =
            match map.Curvature, options.RemainderConstant with
            | Some curvature, _ ->
                let bound = curvature problem.Start radius

                match bound.Status with
                | BoundStatus.Proven -> ClosedForm, Some(bound.Value / 2.0)
                | BoundStatus.Assumed -> Stated, Some(bound.Value / 2.0)
                // A curvature that is known on other balls alone says as much of this one as none.
                | _ ->
                    match options.RemainderConstant with
                    | Some stated -> Stated, Some stated
                    | None -> Unknown, None
            | None, Some stated -> Stated, Some stated
            | None, None -> Unknown, None

        let quadratic =
            constant |> Option.map (fun value -> value * firstLength * firstLength)

        let displacementBound =
            Option.map2
                (fun delta value -> if value = 0.0 then infinity else sqrt (delta / value))
                options.Delta
                constant

        let stationary (at: LinearMap) largest (point: torch.Tensor) =
            norm (at.TransposeApply(problem.ResidualAt point)) / largest

        let derivativeThere = map.Derivative latent

        // The contraction converges to where A^T (theta* - g) = 0 with A at z_0. Whether that is a stationary point, the step from there says.
        let isStationary () =
            if distance <= rounding then
                true
            else
                let step = problem.Solve derivativeThere (problem.ResidualAt latent)

                step.Converged
                && (problem.IsNegligible (norm step.Solution) latent
                    || problem.IsLost derivativeThere step.Solution distance)

        let hasConverged =
            found.Converged
            && found.LinearStepsConverged
            && (obj.ReferenceEquals(found, ``global``) || (linear.Converged && isStationary ()))

        // A step is A^+ of a residual, which is off by its rounding.
        let floor =
            max (1e-12 * (norm problem.Start + firstLength)) (rounding / singular.Smallest)

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
            { SmallestSingular = smallest
              LinearStepConverged = linear.Converged
              ReachableError = reachableError
              PartsStatus =
                if linear.Converged && reachableError.IsSome then
                    BoundStatus.Proven
                else
                    BoundStatus.Estimated
              Rounding = rounding
              Residual = norm residual
              Reachable = out reachable
              Unreachable = out unreachable
              ReachableNorm = norm reachable
              UnreachableNorm = norm unreachable
              FirstStepRemainder = firstRemainder
              QuadraticBound = quadratic
              QuadraticBoundHeld =
                // A step out of the map's domain has no remainder, and says nothing about a bound of it.
                if Double.IsFinite firstRemainder then
                    quadratic |> Option.map (fun bound -> firstRemainder <= bound + rounding)
                else
                    None
              FixedPointResidual = stationary derivative singular.Largest local.Latent
              Displacement = displacement
              DisplacementBound = displacementBound
              DisplacementBoundHeld = displacementBound |> Option.map (fun bound -> displacement <= bound)
              Distance = distance
              StationaryResidual =
                stationary derivativeThere (spectrum options.SpectrumSteps problem.Start derivativeThere).Largest latent
              HasConverged = hasConverged } }
