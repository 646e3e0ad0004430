namespace MappingNets.Core

open TorchSharp

/// <summary>
/// g and its derivative at one latent, split as theorem 2 splits it. The products use constants that live in the dispose scope in
/// which the linearisation was made: use them there.
/// </summary>
/// <remarks>
/// The theorem looks at g_omega(z) = sigma(omega z + b) * s with the weights omega as an argument of their own, lets omega(z) = omega_0 + M(z)
/// and takes A = J_omega B + J_z, J_omega and J_z the Jacobians by omega and by z, B = M'(z). By the chain rule
/// that is the Jacobian of z -> g_{omega_0 + M(z)}(z) = g(z), nothing else: row j of J_z is s_j sigma'(h_j) (w_j + M(z)_j), row j of
/// J_omega B is s_j sigma'(h_j) sum_i z_i dM_ji/dz, which is s_j sigma'(h_j) alpha z in the additive case, so that
/// A has the rows s_j sigma'(h_j) (w_j + 2 alpha z). The paper writes the Jacobians at omega_0; Taylor's formula needs them at omega(z_0),
/// which is the same where M(z_0) = 0 or where omega_0 is taken to include it.
/// </remarks>
type Linearization =
    {
        /// z.
        Latent: torch.Tensor
        /// g(z), shape (P).
        Value: torch.Tensor
        /// A = J_omega B + J_z, from d to P numbers.
        Jacobian: LinearMap
        /// J_omega B: what moves because the latent modulates the weights.
        ThroughWeights: LinearMap
        /// J_z: what moves because the latent is the weights' argument.
        ThroughLatent: LinearMap
    }

/// <summary>Derivatives of mappings.</summary>
module Linearization =

    /// <summary>
    /// g and its derivative at a latent, in the latent's precision. Products cost O(P) in closed form for every activation with no, additive and
    /// linear modulation; a custom modulation goes through autograd.
    /// </summary>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <exception cref="T:System.ArgumentException">z has another shape than (d), is not floating point or not finite.</exception>
    val at: mapping: Mapping -> latent: torch.Tensor -> Linearization

/// <summary>
/// A differentiable map g from latents (d) to weights (P), as the theorems need it: a mapping network, a manifold's glued map or any
/// function that autograd understands.
/// </summary>
[<ReferenceEquality>]
type DifferentiableMap =
    {
        /// d.
        LatentCount: int
        /// P.
        WeightCount: int64
        /// z -> g(z).
        Evaluate: torch.Tensor -> torch.Tensor
        /// z -> J(z); its products may need the dispose scope in which it was made.
        Derivative: torch.Tensor -> LinearMap
        /// (z_0, R), z_0 in double precision, R finite -> at least the norm of what rounding may add to Evaluate in double precision anywhere on the ball of
        /// radius R around z_0 beyond 2^-53 (2 d + 64) times the sizes of g and of A (||z_0|| + R): that of summands which cancel each other. None where
        /// nothing is known of it; then none are counted, and theorem 1 is not proven.
        EvaluationRounding: (torch.Tensor -> float -> float) option
        /// z in double precision -> at least the norm of the difference of what Derivative's products stand for from J(z) in exact arithmetic; None
        /// where nothing is known of it, and then nothing that needs a smallest singular value of J(z) is proven.
        DerivativeRounding: (torch.Tensor -> float) option
        /// (z_0, R) -> a bound of ||D^2 g [v, v]|| / ||v||^2 on the ball of radius R around z_0, with what stands behind it; None where nothing is known.
        Curvature: (torch.Tensor -> float -> Bound) option
    }

    /// "a map from 32 latents to 1000 weights, with a bound of its curvature".
    override ToString: unit -> string

/// <summary>Builds differentiable maps.</summary>
module DifferentiableMap =

    /// <summary>A mapping network, with its closed-form derivative, and its closed-form curvature and bounds of the rounding of its modulation and of the
    /// derivative unless the modulation is custom.</summary>
    /// <param name="mapping">g.</param>
    /// <exception cref="T:System.ArgumentException">The mapping has trainable scales: take mapping.AtScales(scales).</exception>
    val ofMapping: mapping: Mapping -> DifferentiableMap

    /// <summary>Any function of torch operations, by autograd; its curvature, its rounding and that of its derivative are not known. Who knows them sets
    /// Curvature, EvaluationRounding and DerivativeRounding.</summary>
    /// <param name="latentCount">d, at least 1.</param>
    /// <param name="weightCount">P, at least 1.</param>
    /// <param name="f">A twice differentiable function from (d) to (P).</param>
    /// <exception cref="T:System.ArgumentException">A count is below 1.</exception>
    val ofFunction: latentCount: int -> weightCount: int64 -> f: (torch.Tensor -> torch.Tensor) -> DifferentiableMap
