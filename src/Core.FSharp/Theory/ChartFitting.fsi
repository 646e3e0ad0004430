namespace MappingNets.Core

open TorchSharp

/// <summary>A chart fitted to weight snapshots, with what it misses.</summary>
type FittedChart =
    {
        /// phi(z) = theta_centre + T (z - c) + Q(z - c): exact Jacobian, and the curvature bound 2 sigma_max(Q) of the quadratic part, Q as a matrix from
        /// the products u_a u_b (a &lt;= b) to weights. The bound is proven for this chart, not for what the snapshots came from.
        Chart: Chart
        /// T, shape (P, d): the local principal axes, tangent at the centre, in the coordinates of the latent space.
        Axes: torch.Tensor
        /// The root mean square, over the neighbours, of their distance from the tangent plane T alone.
        LinearResidual: float
        /// The same from the whole chart.
        Residual: float
        /// The largest distance of a neighbour from the whole chart.
        LargestResidual: float
        /// How many snapshots it was fitted to.
        Neighbours: int
    }

/// <summary>Charts from weight snapshots: local principal axes and a second-order correction.</summary>
/// <remarks>
/// The neighbours are the snapshots nearest to the centre. The axes are the leading d right singular vectors of their differences from it,
/// turned (five rounds of least squares) to be tangent at the centre; what lies
/// off that plane is fitted by least squares with the d (d + 1) / 2 products of coordinates (least norm where there are fewer
/// neighbours than products). The radius is the largest coordinate norm of a neighbour times 1.1. Double precision; memory in proportion to
/// neighbours times P.
/// </remarks>
module ChartFitting =

    /// <summary>One chart around one snapshot, in latent coordinates of its own: centre 0, orthonormal axes.</summary>
    /// <param name="snapshots">One flat weight vector a row, shape (n, P).</param>
    /// <param name="dimension">d, 1 to neighbours - 1.</param>
    /// <param name="centre">The row of the centre.</param>
    /// <param name="neighbours">How many snapshots are fitted, the centre among them; 2 to n.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The snapshots are not a finite matrix; an argument is out of range; the neighbours span fewer than d dimensions.
    /// </exception>
    val fit: snapshots: torch.Tensor -> dimension: int -> centre: int -> neighbours: int -> FittedChart

    /// <summary>
    /// Charts around several snapshots in one latent space: a snapshot's coordinates are its projections onto the leading d principal axes of all
    /// snapshots, around their mean, and each chart's local axes are expressed in them, so that neighbouring charts agree to second order.
    /// </summary>
    /// <param name="snapshots">One flat weight vector a row, shape (n, P).</param>
    /// <param name="dimension">d.</param>
    /// <param name="centres">The rows of the centres, at least one.</param>
    /// <param name="neighbours">How many snapshots each chart is fitted to.</param>
    /// <exception cref="T:System.ArgumentException">As for fit; no centre; or the manifold stands across the global axes at a centre, so that they cannot be its coordinates.</exception>
    val fitAtlas: snapshots: torch.Tensor -> dimension: int -> centres: int seq -> neighbours: int -> FittedChart[]
