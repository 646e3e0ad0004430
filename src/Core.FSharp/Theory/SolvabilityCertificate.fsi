namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>How the global phase walks.</summary>
type GlobalMethod =
    /// z <- z + J(z)^+ (theta* - g(z)), halved while the residual grows. Second order where theta* is reached.
    | GaussNewton
    /// z <- z + eta J(z)^T (theta* - g(z)) with eta = 1 / ||J(z)||^2, ||J(z)|| by Lanczos, halved while the residual grows: the paper's. First order.
    | GradientDescent

/// <summary>How theorem 2 is run.</summary>
type SolvabilityOptions =
    {
        /// Of the global phase.
        Method: GlobalMethod
        /// The most iterations of each phase, at least 1.
        MaximumIterations: int
        /// Stops where a step is shorter than this times ||z|| + ||A^+ r||, or moves no weight by more than rounding; above 0, below 1.
        Tolerance: float
        /// The most steps of one least-squares solution, at least 1.
        LeastSquaresIterations: int
        /// The most Lanczos steps for the singular values of A, at least 1.
        SpectrumSteps: int
        /// delta of the displacement bound sqrt(delta / C_2): how far from theta* one is content to end; positive. None: the bound is not asked for.
        Delta: float option
        /// C_2 where the map does not know its own curvature; positive or 0. It becomes an assumption of the certificate.
        RemainderConstant: float option
    }

/// <summary>Where C_2 comes from.</summary>
type RemainderSource =
    /// Half the proven curvature bound of the map, on the ball that holds the first step and the ends of the phases.
    | ClosedForm
    /// The caller stated it, or the curvature that it is half of, or it rests on another assumption.
    | Stated
    /// Nobody knows, or what is known does not reach to the ball's edge: no claim is made that needs it.
    | Unknown

/// <summary>What a solvability certificate takes for granted.</summary>
type SolvabilityAssumptions =
    {
        /// C_2: ||g(z_0 + dz) - g(z_0) - A dz|| &lt;= C_2 ||dz||^2 for ||dz|| up to Radius. Proven where the source is the closed form.
        RemainderConstant: float option
        /// Where it comes from.
        Source: RemainderSource
        /// The radius of the ball around z_0 on which C_2 is used: the first step, z* and the ends of the phases that converged lie in it.
        Radius: float
    }

/// <summary>What a solvability certificate estimated: right up to what the docs of each number say, and no more.</summary>
type SolvabilityEstimates =
    {
        /// The extreme singular values of A: from a decomposition up to 2^22 entries, by Lanczos beyond; exact up to rounding where IsComplete says so.
        Singular: SingularValues
        /// The largest ratio of successive step lengths of Phi: the contraction factor as measured. NaN with fewer than two steps.
        ContractionFactor: float
        /// The order of convergence p, from ||step_k+1|| = C ||step_k||^p fitted to the last step lengths of the global phase that stand above rounding;
        /// None with fewer than three.
        Order: float option
        /// The largest (||E(dz)|| - Rounding) / ||dz||^2 met on the way, at least 0: a lower bound of every true C_2. Without Rounding short steps would
        /// show a C_2 that is rounding alone.
        ObservedRemainder: float
    }

/// <summary>
/// What a solvability certificate established by computing it, in double precision. Verdicts allow for Rounding; the two parts of r
/// are proven up to ReachableError, and where that is None they are estimates.
/// </summary>
type SolvabilityFacts =
    {
        /// A positive number that sigma_min(A) is proven not to be below (SingularBounds.smallest, less the rounding of computing A). None: not
        /// established, as for every map whose DerivativeRounding is not known, so nothing that needs a bounded pseudo-inverse is proven.
        SmallestSingular: float option
        /// Whether the least-squares solution of the first step reached its tolerance before its steps ran out.
        LinearStepConverged: bool
        /// At most so far is Reachable from A A^+ r: ||A^T (r - A x)|| / SmallestSingular, rounding added, that of r itself too; None where that is not
        /// established.
        ReachableError: float option
        /// Proven where ReachableError is known and the linear step converged, Estimated otherwise: the status of Reachable, Unreachable and their norms.
        PartsStatus: BoundStatus
        /// What rounding may have added to FirstStepRemainder or taken from it: 2^-53 (2 d + 64) (||theta*|| + ||g(z_0)|| + ||A|| (||z_0|| + ||A^+ r||)),
        /// for a g whose sums have d terms, and twice the map's EvaluationRounding at (z_0, ||A^+ r||), for summands that cancel each other.
        Rounding: float
        /// ||r||, r = theta* - g(z_0).
        Residual: float
        /// A A^+ r, shape (P): the part of r that a linear step reaches.
        Reachable: torch.Tensor
        /// (I - A A^+) r, shape (P): the part that it does not.
        Unreachable: torch.Tensor
        /// ||A A^+ r||.
        ReachableNorm: float
        /// ||(I - A A^+) r||.
        UnreachableNorm: float
        /// ||g(z_0 + A^+ r) - theta* + (I - A A^+) r||: what the first step leaves of the reachable part. The theorem's quadratic claim is
        /// about this alone. NaN where the step leaves the map's domain, as the cover of a manifold's charts.
        FirstStepRemainder: float
        /// C_2 ||A^+ r||^2, the theorem's bound of it; None where C_2 is unknown.
        QuadraticBound: float option
        /// Whether FirstStepRemainder was within it, up to Rounding; None where C_2 is unknown or FirstStepRemainder is not finite.
        QuadraticBoundHeld: bool option
        /// ||A^T (theta* - g(z_0 + dz))|| / ||A|| at the end of the contraction: 0 at the fixed point of Phi.
        FixedPointResidual: float
        /// ||dz*|| = ||z* - z_0||.
        Displacement: float
        /// sqrt(delta / C_2): infinite where C_2 is 0; None where delta or C_2 is not known.
        DisplacementBound: float option
        /// Whether the displacement was within it.
        DisplacementBoundHeld: bool option
        /// ||g(z*) - theta*||.
        Distance: float
        /// ||J(z*)^T (theta* - g(z*))|| / ||J(z*)||: 0 where no direction brings z* closer.
        StationaryResidual: float
        /// Whether z* is a stationary point of ||g(z) - theta*|| to within the tolerance, or as far as rounding lets the distance tell: the phase that ended there converged, every least-squares
        /// solution of its steps included, and where that is the contraction, whose fixed point need not be one, no Gauss-Newton step leads away.
        HasConverged: bool
    }

/// <summary>One phase of the search.</summary>
type SolvabilityPhase =
    {
        /// Where it ended, shape (d).
        Latent: torch.Tensor
        /// ||theta* - g(z)|| before the first iteration and after each.
        Residuals: float[]
        /// The length of each step.
        StepLengths: float[]
        /// Whether it ended because the steps had become negligible.
        Converged: bool
        /// Whether every least-squares solution on the way reached its tolerance before its steps ran out.
        LinearStepsConverged: bool
    }

/// <summary>
/// Theorem 2 run on one instance. The tensors belong to the dispose scope in which it was made, or to the caller.
/// </summary>
type SolvabilityCertificate =
    {
        /// z*, shape (d): of the two phases' ends the one nearer to theta*.
        Latent: torch.Tensor
        /// The fixed-point iteration of Phi from z_0.
        Local: SolvabilityPhase
        /// The global phase, also from z_0.
        Global: SolvabilityPhase
        /// What is taken for granted.
        Assumptions: SolvabilityAssumptions
        /// What was estimated.
        Estimates: SolvabilityEstimates
        /// What was established.
        Facts: SolvabilityFacts
    }

    /// The distances, their status and the constants, a few lines.
    override ToString: unit -> string
