namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>A Lipschitz constant and what stands behind it.</summary>
type LipschitzConstant =
    /// The caller states it, for all weights that matter. It becomes an assumption.
    | StatedConstant of value: float
    /// Proven on the ball of this radius around theta*, for instance by NetworkLipschitz.weightLipschitz. Where z* ends outside the
    /// ball the certificate says that the theorem does not apply.
    | ProvenConstant of value: float * radius: float
    /// The same where the bound on the ball rests on an assumption, such as what a layer's author states.
    | AssumedConstant of value: float * radius: float

/// <summary>Lipschitz constants from bounds.</summary>
module LipschitzConstant =

    /// <summary>A bound on the ball of a radius as the theorem takes it: proven or assumed, and on that ball alone.</summary>
    /// <param name="radius">Of the ball on which the bound holds.</param>
    /// <param name="bound">The bound.</param>
    /// <exception cref="T:System.ArgumentException">The bound is an estimate or not established: no theorem follows from it.</exception>
    val ofBound: radius: float -> bound: Bound -> LipschitzConstant

/// <summary>One instance of theorem 1.</summary>
[<ReferenceEquality>]
type MappingTheoremInstance =
    {
        /// g: a mapping network, a manifold's map or any other.
        Map: DifferentiableMap
        /// z_0, from where z* is looked for, shape (d).
        Start: torch.Tensor
        /// theta*, shape (P).
        Target: torch.Tensor
        /// theta -> L(theta), a scalar, differentiable.
        Loss: torch.Tensor -> torch.Tensor
        /// eps: how much the loss may change.
        Epsilon: float
        /// L_l, of the loss in the outputs.
        LossLipschitz: LipschitzConstant
        /// L_theta, of the outputs in the weights.
        WeightLipschitz: LipschitzConstant
    }

/// <summary>What a certificate of theorem 1 takes for granted.</summary>
type MappingTheoremAssumptions =
    {
        /// L_l as stated, assumed or proven elsewhere.
        LossLipschitz: LipschitzConstant
        /// L_theta as stated, assumed or proven elsewhere.
        WeightLipschitz: LipschitzConstant
        /// Whether g(z*) lies where both constants are said to hold, rounding of the distance allowed for; without that the theorem says nothing.
        ConstantsApply: bool
    }

/// <summary>What a certificate of theorem 1 estimated by sampling.</summary>
type MappingTheoremEstimates =
    {
        /// The largest ||grad L|| met on the segment from theta* to g(z*): a lower bound of the true constant of theta -> L, to be compared
        /// with L_l L_theta. An upper bound it is not.
        SampledLossSlope: float
        /// Whether it exceeds L_l L_theta: then the constants are wrong.
        RefutesConstants: bool
    }

/// <summary>What a certificate of theorem 1 established by computing it, in double precision up to rounding.</summary>
type MappingTheoremFacts =
    {
        /// delta = eps / (L_l L_theta).
        Delta: float
        /// ||g(z*) - theta*||.
        Distance: float
        /// Whether Distance &lt;= delta.
        DistanceWithinDelta: bool
        /// L(theta*).
        TargetLoss: float
        /// L(g(z*)).
        MappedLoss: float
        /// |L(g(z*)) - L(theta*)|.
        LossGap: float
        /// Whether LossGap &lt;= eps, both as computed.
        GapWithinEpsilon: bool
    }

/// <summary>What follows.</summary>
type MappingTheoremConclusion =
    /// Distance and what rounding may have taken from it are &lt;= delta, the constants apply and nothing refutes them: |L(g(z*)) - L(theta*)| &lt;= eps by the
    /// theorem. The gap as measured is within eps up to what rounding does to the losses, 1e-10 of their sizes, and 1e-9 of eps; GapWithinEpsilon
    /// has no such allowance and may be false.
    | HoldsByTheorem
    /// The gap was measured within eps, but the theorem does not say why: z* is farther than delta, perhaps by less than rounding, or the constants
    /// do not apply there.
    | HoldsAsMeasured
    /// The gap is larger than eps: no z* was found for this eps. That none exists is not claimed.
    | NotReached
    /// A sampled slope, or the gap measured at a distance, contradicts the constants. Nothing follows from them.
    | ConstantsRefuted

/// <summary>Theorem 1 on one instance. Tensors belong to the dispose scope in which it was made, or to the caller.</summary>
type MappingTheoremCertificate =
    {
        /// z*, shape (d).
        Latent: torch.Tensor
        /// How z* was found, with the reachable and unreachable parts of theta* - g(z_0).
        Search: SolvabilityCertificate
        /// What is taken for granted.
        Assumptions: MappingTheoremAssumptions
        /// What was estimated.
        Estimates: MappingTheoremEstimates
        /// What was established.
        Facts: MappingTheoremFacts
        /// What follows.
        Conclusion: MappingTheoremConclusion
        /// Of |L(g(z*)) - L(theta*)| &lt;= eps: Proven by the theorem where both constants are and the map's EvaluationRounding is known, Assumed where one is
        /// stated or assumed or that is not known, Estimated where it was only measured, NotEstablished otherwise.
        Status: BoundStatus
    }

    /// The conclusion, its status and what it rests on, a few lines.
    override ToString: unit -> string

/// <summary>
/// Theorem 1, the mapping theorem, for a given g: is there a z* with ||g(z*) - theta*|| &lt;= delta = eps / (L_l L_theta), and hence
/// |L(g(z*)) - L(theta*)| &lt;= eps?
/// </summary>
/// <remarks>
/// The paper's theorem asserts that some g and z* exist if trained weights lie on a C^2 manifold of dimension d (assumption A3), which
/// nobody can check. For a g at hand it is a question with an answer, and this module answers it: it looks for z* by theorem 2's search
/// and measures. It claims neither A3 nor that a z* it did not find does not exist.
/// </remarks>
module MappingTheorem =

    /// <summary>Looks for z* and says what holds, in double precision.</summary>
    /// <param name="options">How z* is looked for.</param>
    /// <param name="instance">The instance.</param>
    /// <exception cref="T:System.ArgumentException">eps or a constant is not positive and finite; theta* or z_0 is not finite or has another shape; the loss at theta* is not a finite scalar.</exception>
    /// <exception cref="T:System.InvalidOperationException">A is singular at z_0.</exception>
    val certify: options: SolvabilityOptions -> instance: MappingTheoremInstance -> MappingTheoremCertificate
