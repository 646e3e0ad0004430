/// The two phases of theorem 2 on a problem in double precision.
module internal MappingNets.Core.SolvabilityPhases

open System
open TorchSharp

let norm (vector: torch.Tensor) =
    use result = vector.norm ()
    result.ToDouble()

/// The problem with everything in double precision.
type Problem =
    {
        Options: SolvabilityOptions
        Map: DifferentiableMap
        Start: torch.Tensor
        Target: torch.Tensor
        /// ||A^+ r||: what a step is small beside, together with ||z||.
        FirstLength: float
        /// What rounding may do to a residual's norm.
        Rounding: float
        /// ||A||, from below.
        LargestSingular: float
    }

    member problem.ResidualAt(latent: torch.Tensor) =
        problem.Target - problem.Map.Evaluate latent

    member problem.Solve (map: LinearMap) (rightSide: torch.Tensor) =
        let tolerance = min 1e-12 problem.Options.Tolerance

        LeastSquares.solve tolerance problem.Options.LeastSquaresIterations map rightSide

    member problem.IsNegligible length (latent: torch.Tensor) =
        length <= problem.Options.Tolerance * (norm latent + problem.FirstLength)
        || problem.LargestSingular * length <= problem.Rounding

    /// Whether what a Gauss-Newton step promises, ||J step||^2 / (2 ||r||), is lost in the distance's rounding.
    member problem.IsLost (derivative: LinearMap) (step: torch.Tensor) distance =
        let promised = norm (derivative.Apply step)
        promised * promised <= 8.0 * problem.Rounding * (distance + problem.Rounding)

/// The largest ratio of successive lengths that stand above rounding; NaN where there is none.
let contractionFactor (lengths: float[]) floor =
    lengths
    |> Array.pairwise
    |> Array.filter (fun (former, latter) -> former > floor && latter > floor)
    |> Array.map (fun (former, latter) -> latter / former)
    |> fun ratios -> if ratios.Length = 0 then nan else Array.max ratios

/// p of length_k+1 = C length_k^p by least squares over the last four lengths above rounding.
let orderOf (lengths: float[]) floor =
    let usable = lengths |> Array.takeWhile (fun length -> length > floor)
    let last = usable[max 0 (usable.Length - 4) ..]

    if last.Length < 3 then
        None
    else
        let pairs = last |> Array.map log |> Array.pairwise

        let meanX, meanY = Array.averageBy fst pairs, Array.averageBy snd pairs
        let covariance = pairs |> Array.sumBy (fun (x, y) -> (x - meanX) * (y - meanY))
        let variance = pairs |> Array.sumBy (fun (x, _) -> (x - meanX) * (x - meanX))
        if variance = 0.0 then None else Some(covariance / variance)

/// The fixed-point iteration of Phi(dz) = A^+ r - A^+ E(dz), the largest ||E(dz)|| / ||dz||^2 on the way as far as it stands above rounding, and ||E|| of
/// the first step, NaN where that leaves the map's domain.
let contract (problem: Problem) (derivative: LinearMap) residual (firstStep: torch.Tensor) =
    let mutable displacement = firstStep
    let lengths = ResizeArray [ norm firstStep ]
    let residuals = ResizeArray [ norm residual ]
    let mutable observed = 0.0
    let mutable remainderOfFirst = nan
    let mutable isDone = false
    let mutable converged = false
    let mutable solved = true

    while not isDone do
        use scope = torch.NewDisposeScope()
        let now = problem.ResidualAt(problem.Start + displacement)
        residuals.Add(norm now)
        // E(dz) = g(z_0 + dz) - g(z_0) - A dz = r - now - A dz.
        let remainder = residual - now - derivative.Apply displacement
        let size = norm displacement

        if Double.IsNaN remainderOfFirst then
            remainderOfFirst <- norm remainder

        // A step out of the map's domain has none, and must not hide those before it.
        if size > 0.0 && Double.IsFinite(norm remainder) then
            observed <- max observed ((norm remainder - problem.Rounding) / (size * size))

        let last = lengths[lengths.Count - 1]

        if problem.IsNegligible last problem.Start then
            converged <- true
            isDone <- true
        elif
            lengths.Count > problem.Options.MaximumIterations
            // Outside the map's domain, or run away.
            || not (Double.IsFinite(norm remainder))
            // No contraction: the steps grow.
            || last > 100.0 * lengths[0]
        then
            isDone <- true
        else
            let correction = problem.Solve derivative remainder
            solved <- solved && correction.Converged
            let next = firstStep - correction.Solution
            lengths.Add(norm (next - displacement))

            if not (obj.ReferenceEquals(displacement, firstStep)) then
                displacement.Dispose()

            displacement <- next.MoveToOuterDisposeScope()

    struct ({ Latent = problem.Start + displacement
              Residuals = residuals.ToArray()
              StepLengths = lengths.ToArray()
              Converged = converged
              LinearStepsConverged = solved },
            observed,
            remainderOfFirst)

/// The global phase from z_0.
let walk (problem: Problem) (largestOf: LinearMap -> float) =
    let mutable latent = problem.Start.clone ()
    let mutable residual = problem.ResidualAt latent
    let residuals = ResizeArray [ norm residual ]
    let lengths = ResizeArray<float>()
    let mutable isDone = false
    let mutable converged = false
    let mutable solved = true

    while not isDone do
        use scope = torch.NewDisposeScope()
        let derivative = problem.Map.Derivative latent

        let full =
            match problem.Options.Method with
            | GaussNewton ->
                let step = problem.Solve derivative residual
                solved <- solved && step.Converged
                step.Solution
            | GradientDescent ->
                let slope = derivative.TransposeApply residual
                let largest = largestOf derivative
                // Where J is 0 the slope is too.
                if largest = 0.0 then
                    slope
                else
                    slope / (largest * largest).ToScalar()

        let before = residuals[residuals.Count - 1]
        let length = norm full

        // Halves the step until the residual falls.
        let rec descend share =
            let candidate = latent + full * (share: float).ToScalar()
            let after = problem.ResidualAt candidate

            if norm after < before then Some(candidate, after, share)
            elif share < 1e-6 then None
            else descend (share / 2.0)

        if problem.IsNegligible length latent then
            converged <- true
            isDone <- true
        elif lengths.Count >= problem.Options.MaximumIterations then
            isDone <- true
        else
            match descend 1.0 with
            | None ->
                // The residual cannot fall any more.
                converged <- problem.IsLost derivative full before
                isDone <- true
            | Some(candidate, after, share) ->
                latent.Dispose()
                residual.Dispose()
                latent <- candidate.MoveToOuterDisposeScope()
                residual <- after.MoveToOuterDisposeScope()
                lengths.Add(share * length)
                residuals.Add(norm residual)

    { Latent = latent
      Residuals = residuals.ToArray()
      StepLengths = lengths.ToArray()
      Converged = converged
      LinearStepsConverged = solved }
