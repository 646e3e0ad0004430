namespace MappingNets.Core

open TorchSharp

/// <summary>
/// Theorem 2, solvability under modulation, matrix-free: the linear step A^+ r, the contraction Phi(dz) = A^+ r - A^+ E(dz) around z_0, and
/// the global phase.
/// </summary>
/// <remarks>
/// <para>
/// With d &lt; P no A reaches every r. So the reachable part A A^+ r and the unreachable part (I - A A^+) r are reported apart, and the
/// quadratic bound is claimed for the reachable one only: g(z_0 + A^+ r) - theta* = -(I - A A^+) r + E(A^+ r), and ||E(A^+ r)|| &lt;= C_2 ||A^+ r||^2.
/// The fixed point of Phi is where A^T (theta* - g) = 0, A taken at z_0: theta* itself where it lies on the image of g near z_0, otherwise
/// not quite the nearest point, which the global phase looks for.
/// </para>
/// <para>
/// No verdict has a tolerance of its own: each allows for Rounding, which scales with the weights, so that another unit for them changes none.
/// A smallest singular value of A that a decomposition finds within rounding of 0 is refused. One that is bounded away from 0 is proven to be so
/// (SmallestSingular); between the two nothing is claimed, and the parts of r are estimates.
/// </para>
/// <para>
/// C_2. The paper bounds the final displacement by sqrt(delta / C_2) "whatever the first residual" without saying what C_2 is. It can only be the
/// constant of the second-order remainder, ||E(dz)|| &lt;= C_2 ||dz||^2, and then ||dz*|| &lt;= sqrt(delta / C_2) says that the linear model is right
/// to within delta at z*. That is no consequence of the other assumptions: a theta* = g(z_1) with z_1 far away is
/// reached at z_1 and no nearer, so ||dz*|| >= (||r|| - distance) / L whatever delta is. Here the bound is computed and compared, never claimed.
/// </para>
/// </remarks>
module Solvability =

    /// <summary>Gauss-Newton, at most 50 iterations of each phase, tolerance 1e-12, 500 steps of LSQR, 40 of Lanczos; no delta, no stated C_2.</summary>
    val defaults: SolvabilityOptions

    /// <summary>Runs theorem 2, in double precision.</summary>
    /// <param name="options">How.</param>
    /// <param name="map">g.</param>
    /// <param name="start">z_0, shape (d).</param>
    /// <param name="target">theta*, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">
    /// A shape disagrees; z_0, theta* or g(z_0) is not finite (the message names the element); an option is out of range.
    /// </exception>
    /// <exception cref="T:System.InvalidOperationException">A is singular at z_0: its pseudo-inverse has no bound there.</exception>
    val certify:
        options: SolvabilityOptions ->
        map: DifferentiableMap ->
        start: torch.Tensor ->
        target: torch.Tensor ->
            SolvabilityCertificate

    /// ||J(z)|| by a decomposition of a small matrix, and by Lanczos' method, from below, of a large one; z in double precision.
    val internal largestSingular: options: SolvabilityOptions -> map: DifferentiableMap -> latent: torch.Tensor -> float
