namespace MappingNets.Core

open TorchSharp

/// <summary>How many dimensions a set of weight vectors occupies.</summary>
type TrajectoryShape =
    {
        /// "theta", or the layer's name.
        Name: string
        /// The number of weights.
        Weights: int64
        /// The variance along each principal axis, falling, at most as many as snapshots less one: eigenvalues of the covariance (divided by n).
        Variances: float[]
        /// Their sum: the mean squared distance from the mean snapshot.
        TotalVariance: float
        /// (sum of variances)^2 / sum of squares: how many axes would share the variance equally. 1 for a straight line; 0 where nothing moves.
        ParticipationRatio: float
    }

    /// The share of the variance along the first k axes: entry k - 1 for k axes. All 1 where nothing moves.
    member ExplainedVariance: float[]

    /// How many axes it takes for a share of the variance, from 0 to 1; 0 for a share of 0, and where nothing moves.
    member AxesFor: share: float -> int

    /// The root mean square distance of the snapshots from their best affine subspace of k dimensions.
    member DistanceFromSubspace: dimension: int -> float

/// <summary>One try of the search for the intrinsic dimension.</summary>
type DimensionTrial =
    {
        /// d.
        Dimension: int
        /// What was reached with it.
        Accuracy: float
        /// Whether it reached the threshold.
        Reaches: bool
    }

/// <summary>The search for the intrinsic dimension and its end.</summary>
type IntrinsicDimension =
    {
        /// The smallest d that was seen to reach the threshold; None where the largest does not.
        Smallest: int option
        /// The largest d below it that was seen to fail; None where the smallest tried already reaches.
        LargestFailing: int option
        /// Every try, in order.
        Trials: DimensionTrial[]
    }

/// <summary>The evidence for low-dimensional training: where snapshots of the weights lie, and how few latents suffice.</summary>
module WeightTrajectory =

    /// <summary>
    /// Principal component analysis of snapshots by way of their n x n Gram matrix, in double precision: O(n^2 P) time and nothing
    /// of the size P x P.
    /// </summary>
    /// <param name="snapshots">One flat weight vector a row, shape (n, P), n at least 2.</param>
    /// <exception cref="T:System.ArgumentException">It is not a finite matrix with at least two rows.</exception>
    val shape: snapshots: torch.Tensor -> TrajectoryShape

    /// <summary>The same for each layer of a target network.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    /// <param name="snapshots">One flat weight vector a row, shape (n, P).</param>
    /// <exception cref="T:System.ArgumentException">As for shape; the rows are not P long.</exception>
    val shapeOfLayers: layout: ParameterLayout -> snapshots: torch.Tensor -> TrajectoryShape[]

    /// <summary>The snapshots' coordinates on their first principal axes, around their mean; each axis's largest coordinate is positive.</summary>
    /// <param name="snapshots">One flat weight vector a row, shape (n, P).</param>
    /// <param name="axes">How many, 1 to n - 1.</param>
    /// <returns>Shape (n, axes), double precision.</returns>
    /// <exception cref="T:System.ArgumentException">As for shape; the number of axes is out of range.</exception>
    val coordinates: snapshots: torch.Tensor -> axes: int -> torch.Tensor

    /// <summary>
    /// The smallest d that reaches a threshold, by bisection on the logarithm of d: first the bounds, then the geometric mean of the largest that
    /// failed and the smallest that reached, until they are neighbours or as close as asked. Right where accuracy rises with d; where training makes it
    /// uneven, it ends at one crossing, and the trials show which.
    /// </summary>
    /// <param name="evaluate">d to the accuracy that training with d latents reaches.</param>
    /// <param name="threshold">The accuracy to reach, finite.</param>
    /// <param name="lowest">The smallest d to try, at least 1.</param>
    /// <param name="highest">The largest d to try, at least the smallest.</param>
    /// <param name="precision">Stops where smallest reaching / largest failing is at most this; at least 1, and 1 means down to neighbours.</param>
    /// <exception cref="T:System.ArgumentException">An argument is out of range, or an accuracy is NaN (the message names d).</exception>
    val intrinsicDimension:
        evaluate: (int -> float) ->
        threshold: float ->
        lowest: int ->
        highest: int ->
        precision: float ->
            IntrinsicDimension
