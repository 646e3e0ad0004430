namespace MappingNets.Core

open TorchSharp

/// <summary>
/// A chart: a twice continuously differentiable map from a ball of the latent space to weights, by which theorem 1 describes the manifold of
/// trained weights near one point. All charts of a manifold share one latent space R^d.
/// </summary>
[<ReferenceEquality>]
type Chart =
    {
        /// Its name in messages.
        Name: string
        /// The ball's centre, shape (d), double precision.
        Centre: torch.Tensor
        /// The ball's radius: positive, finite.
        Radius: float
        /// P.
        WeightCount: int64
        /// phi: (d) to (P), made of torch operations, defined on the ball.
        Map: torch.Tensor -> torch.Tensor
        /// D phi: (d) to (P, d).
        Jacobian: torch.Tensor -> torch.Tensor
        /// A bound of ||D^2 phi [v, v]|| / ||v||^2 on the ball; None where it is unknown. Assumed where the chart's author states it.
        Curvature: Bound option
    }

/// <summary>Builds charts.</summary>
module Chart =

    /// <summary>A chart from its map; the Jacobian by autograd, the curvature unknown.</summary>
    /// <param name="name">Its name in messages.</param>
    /// <param name="centre">The centre, shape (d).</param>
    /// <param name="radius">The radius.</param>
    /// <param name="weightCount">P.</param>
    /// <param name="map">phi.</param>
    /// <exception cref="T:System.ArgumentException">The centre is not a finite vector; the radius is not positive and finite; phi at the centre is not a finite vector (P).</exception>
    val create:
        name: string ->
        centre: torch.Tensor ->
        radius: float ->
        weightCount: int64 ->
        map: (torch.Tensor -> torch.Tensor) ->
            Chart

    /// <summary>The same chart with a Jacobian in closed form.</summary>
    /// <param name="jacobian">(d) to (P, d).</param>
    /// <param name="chart">The chart.</param>
    val withJacobian: jacobian: (torch.Tensor -> torch.Tensor) -> chart: Chart -> Chart

    /// <summary>The same chart with a curvature bound that the caller states: it is not checked, and counts as assumed.</summary>
    /// <param name="bound">At least 0, finite.</param>
    /// <param name="chart">The chart.</param>
    /// <exception cref="T:System.ArgumentException">The bound is negative or not finite.</exception>
    val withCurvature: bound: float -> chart: Chart -> Chart

/// <summary>The smooth function that glues.</summary>
module Bump =

    /// <summary>
    /// psi(t) = exp(1 - 1 / (1 - t^2)) for |t| &lt; 1 and 0 beyond: infinitely often differentiable, 1 at 0, and with all derivatives 0 at the
    /// edge. Differentiable any number of times.
    /// </summary>
    /// <param name="t">The distance from the centre over the radius, any shape.</param>
    val value: t: torch.Tensor -> torch.Tensor

/// <summary>
/// The global map of theorem 1: g(z) = sum_i rho_i(z) phi_i(z), rho_i = psi_i / sum_k psi_k the partition of unity of the charts' bumps.
/// </summary>
/// <remarks>
/// g is defined on the union of the balls, the cover, and nowhere else; it is C^2 there because every phi_i is and rho_i is smooth. Where
/// one chart alone lives, g is that chart, so g lies on the manifold. Where charts overlap, g is an average of points, each of which lies on
/// the manifold; the average itself is off it by at most the largest distance between them, OverlapGap. The paper's theorem does not mention that.
/// </remarks>
[<Sealed>]
type Manifold =

    /// The charts.
    member Charts: Chart[]

    /// d.
    member LatentCount: int

    /// P.
    member WeightCount: int64

    /// Whether z, shape (d), lies in some chart's ball.
    member Covers: latent: torch.Tensor -> bool

    /// rho(z), shape (number of charts): not negative, 0 outside a chart's ball, and of sum 1. Differentiable any number of times.
    /// Raises ArgumentException where z lies outside the cover or has another shape.
    member Weights: latent: torch.Tensor -> torch.Tensor

    /// g(z), shape (P). Differentiable as often as the charts are.
    /// Raises ArgumentException where z lies outside the cover or has another shape.
    member Generate: latent: torch.Tensor -> torch.Tensor

    /// Dg(z) = sum_i rho_i D phi_i + phi_i grad rho_i^T, shape (P, d), from the charts' own Jacobians.
    /// Raises ArgumentException where z lies outside the cover or has another shape.
    member Jacobian: latent: torch.Tensor -> torch.Tensor

    /// The largest distance between the images of z under two charts that cover it; 0 where one alone does.
    /// Raises ArgumentException where z lies outside the cover or has another shape.
    member OverlapGap: latent: torch.Tensor -> float

    /// g for certificates. Outside the cover its values are NaN, so that a search turns back at the edge. Its curvature is that of a single chart on balls
    /// within the chart's, not established on others, and not known of several charts.
    member ToMap: unit -> DifferentiableMap

/// <summary>Builds manifolds.</summary>
module Manifold =

    /// <summary>Glues charts.</summary>
    /// <param name="charts">At least one; all with the same d and P.</param>
    /// <exception cref="T:System.ArgumentException">There is none, or d or P differ (the message names the chart).</exception>
    val create: charts: Chart seq -> Manifold
