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

    let private requireRegular singular (derivative: LinearMap) =
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

    /// What rounding may do to the norm of a residual between z_0 and the first step's end.
    let private roundingOf (problem: Problem) residual =
        let map = problem.Map

        let sizes =
            norm problem.Target
            + norm (problem.Target - residual)
            + problem.LargestSingular * (norm problem.Start + problem.FirstLength)

        let cancelled =
            match map.EvaluationRounding with
            | Some bound -> bound problem.Start problem.FirstLength
            | None -> 0.0

        // Twice: it counts ||z||^2 of g at both ends of the step and of A between them, a^2 + (a + b)^2 + 2 a b <= 2 (a + b)^2.
        Rounding.unit * (2.0 * float map.LatentCount + 64.0) * sizes + 2.0 * cancelled

    /// A lower bound of A's smallest singular value and, from it, how far the reachable part A x of the residual can be off, where both can be proven.
    let private provenParts (problem: Problem) (derivative: LinearMap) residual (reachable: torch.Tensor) =
        // What is known of the A of the products is less, by the error of computing A, of A itself.
        problem.Map.DerivativeRounding
        |> Option.map (fun bound -> bound problem.Start)
        |> Option.bind (fun error ->
            SingularBounds.smallestAndFrobenius problem.Start error derivative
            |> Option.map (fun struct (lowest, size) -> struct (error, lowest, size)))
        |> Option.filter (fun struct (_, lowest, _) -> lowest > 0.0)
        |> Option.map (fun struct (error, lowest, size) ->
            let unreachable: torch.Tensor = residual - reachable

            // By ||A||_F from above: a singular value by Lanczos is one from below.
            let lost =
                Rounding.gamma (float (derivative.Rows + derivative.Columns) + 64.0)
                * size
                * (norm residual + norm reachable)

            let gradient =
                norm (derivative.TransposeApply unreachable)
                + lost
                + SingularBounds.errorBack error derivative * norm unreachable

            // Along the range of A by the gradient there; across it the reachable part is off by what A x is. A A^+ lengthens nothing, so that r itself
            // counts by its own rounding.
            struct (lowest, gradient / lowest + error * problem.FirstLength + problem.Rounding))

    /// C_2 on the ball of a radius about z_0, and where it comes from.
    let private remainderOn radius (problem: Problem) =
        let stated () =
            match problem.Options.RemainderConstant with
            | Some stated -> Stated, Some stated
            | None -> Unknown, None

        match problem.Map.Curvature with
        | None -> stated ()
        | Some curvature ->
            let bound = curvature problem.Start radius

            match bound.Status with
            | BoundStatus.Proven -> ClosedForm, Some(bound.Value / 2.0)
            | BoundStatus.Assumed -> Stated, Some(bound.Value / 2.0)
            // A curvature that is known on other balls alone says as much of this one as none.
            | _ -> stated ()

    let private endOf (phase: SolvabilityPhase) =
        phase.Residuals[phase.Residuals.Length - 1]

    /// Whether a latent at this distance is a stationary point, which the step from there says, by the derivative there: the contraction converges to
    /// where A^T (theta* - g) = 0 with the A of z_0.
    let private isStationary (problem: Problem) (derivative: LinearMap) latent distance =
        distance <= problem.Rounding
        || (let step = problem.Solve derivative (problem.ResidualAt latent)

            step.Converged
            && (problem.IsNegligible (norm step.Solution) latent
                || problem.IsLost derivative step.Solution distance))

    let largestSingular options (map: DifferentiableMap) latent =
        (spectrum options.SpectrumSteps latent (map.Derivative latent)).Largest

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
        requireRegular singular derivative
        let linear = problem.Solve derivative residual
        let firstStep = linear.Solution
        let reachable = derivative.Apply firstStep
        let unreachable = residual - reachable

        let problem =
            { problem with
                FirstLength = norm firstStep
                LargestSingular = singular.Largest }

        let problem =
            { problem with
                Rounding = roundingOf problem residual }

        let firstLength, rounding = problem.FirstLength, problem.Rounding
        let parts = provenParts problem derivative residual reachable
        let reachableError = parts |> Option.map (fun struct (_, error) -> error)

        let struct (local, observed, firstRemainder) =
            contract problem derivative residual firstStep

        let largestOf (map: LinearMap) =
            (LeastSquares.singularValues options.SpectrumSteps key problem.Start map).Largest

        let ``global`` = walk problem largestOf

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

        let source, constant = remainderOn radius problem

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

        let hasConverged =
            found.Converged
            && found.LinearStepsConverged
            && (obj.ReferenceEquals(found, ``global``)
                || (linear.Converged && isStationary problem derivativeThere latent distance))

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
            { SmallestSingular = parts |> Option.map (fun struct (lowest, _) -> lowest)
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
