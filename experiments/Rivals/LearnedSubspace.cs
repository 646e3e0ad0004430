using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// A subspace that has seen the answer: the network is trained directly, and goes back to where it started; then only its coordinates along the
/// principal axes of that training are trained,
/// <code>
/// theta = theta_0 + U diag(sigma) z,    z in R^d, from 0,
/// </code>
/// with the d axes U along which the weights of the first training spread most, and sigma their deviations along them. An oracle's
/// reference and no rival: the d axes are P d numbers that no seed gives back. It says what d numbers could do if their directions were known.
/// <para>
/// After Li, Tan, Huang, Tao, Liu and Huang, "Low Dimensional Trajectory Hypothesis is True: DNNs Can Be Trained in Tiny Subspaces" (IEEE TPAMI
/// 2023), which trains along 40 axes by gradient descent. The deviations sigma are ours: with them one rate suits all axes.
/// </para>
/// </summary>
internal static class LearnedSubspace
{
    /// <summary>The method's name.</summary>
    public const string Method = "learned-subspace";

    /// <summary>The learning rate of its training.</summary>
    public const double Rate = 0.05;

    /// <summary>The network along the axes of a training, at its start.</summary>
    /// <param name="target">The network.</param>
    /// <param name="snapshots">Its weights while it was trained, one row each, the first before any training: shape (n, P); not owned.</param>
    /// <param name="axes">d, from 1 to n - 1.</param>
    public static GeneratedModel Of(TargetNetwork target, Tensor snapshots, int axes)
    {
        var count = snapshots.shape[0];
        if (axes < 1 || axes >= count)
            throw new ArgumentOutOfRangeException(nameof(axes), axes, $"{count} snapshots have from 1 to {count - 1} axes.");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var start = snapshots[0].clone().DetachFromDisposeScope();
        var centered = snapshots - snapshots.mean([0]);
        // The axes from the n x n products of snapshots: P is many times n. The largest come last.
        var coordinates = linalg.eigh(Products(centered)).Item2.narrow(1, count - axes, axes).to(ScalarType.Float32);
        var directions = (centered.t().matmul(coordinates) / Math.Sqrt(count)).DetachFromDisposeScope();
        return GeneratedModel.For(
            target,
            Method,
            [new("z", zeros(axes))],
            trained => start + directions.mv(trained[0]),
            [start, directions],
            learningRate: Rate,
            fixedWeights: "principal-axes");
    }

    // In double precision, so that also the smallest axes stand at right angles; a block of weights at a time, or it would take twice the snapshots' memory.
    private static Tensor Products(Tensor centered)
    {
        const long Block = 8192;
        var products = zeros([centered.shape[0], centered.shape[0]], ScalarType.Float64);
        for (var first = 0L; first < centered.shape[1]; first += Block)
        {
            using var scope = NewDisposeScope();
            var some = centered.narrow(1, first, Math.Min(Block, centered.shape[1] - first)).to(ScalarType.Float64);
            products.addmm_(some, some.t());
        }

        return products;
    }
}
