using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Random subspace with a matrix that is never stored: theta = theta_0 + s * (R z), R a stack of blocks of n rows, n the power of two at or
/// above d, each block the product
/// <code>
/// V = c * S H G Pi H B
/// </code>
/// with B a diagonal of signs, H the Walsh-Hadamard transform, Pi a permutation, G a diagonal of normal numbers, S a diagonal that
/// evens out the lengths of the rows of all blocks, and c such that a row has the length 1. O(P log d) work, O(P) memory.
/// <para>
/// After Le, Sarlos and Smola, "Fastfood: Approximating Kernel Expansions in Loglinear Time" (ICML 2013), as Li et al. (ICLR 2018)
/// use it for subspaces. S is here 1 / |G| of the block: every row of H G Pi H B has the length |G| sqrt(n), so all rows come out equal.
/// The numbers of G are sums of uniform ones, near to normal, so that the bits are the same everywhere.
/// </para>
/// </summary>
internal static class FastfoodSubspace
{
    /// <summary>The method's name.</summary>
    public const string Method = "subspace-fastfood";

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">d, how many numbers are trained.</param>
    /// <param name="seed">The seed of R and theta_0.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var width = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)budget);
        var blocks = (target.ParameterCount + width - 1) / width;
        var start = new StartingPoint(target, seed);
        var signs = SeededTensors.Signs(SeededTensors.Key(seed, "fastfood-signs"), blocks, width);
        var permutation = SeededTensors.Permutations(SeededTensors.Key(seed, "fastfood-permutation"), blocks, width);
        var gaussian = RowsOfLengthOne(SeededTensors.NearlyNormal(SeededTensors.Key(seed, "fastfood-normal"), blocks, width));
        var (left, right) = HadamardFactors(width);

        // With H orthonormal the rows of H G Pi H B have the length |G| / sqrt(n) = 1 / sqrt(n).
        var gain = Math.Sqrt(width);

        Tensor Transformed(Tensor rows) =>
            left.matmul(rows.view(blocks, left.shape[0], right.shape[0])).matmul(right).view(blocks, width);

        Tensor Generated(Tensor z)
        {
            var padded = width == budget ? z : cat([z, zeros(width - budget)]);
            var mixed = Transformed(signs * padded).gather(1, permutation);
            return Transformed(gaussian * mixed).view(-1).narrow(0, 0, target.ParameterCount) * gain;
        }

        using var latent = zeros(budget);
        return GeneratedModel.For(
            target,
            Method,
            [new("z", latent)],
            trained => start.Plus(Generated(trained[0])),
            [start, signs, permutation, gaussian, left, right],
            learningRate: 0.05,
            fixedWeights: "fastfood");
    }

    private static Tensor RowsOfLengthOne(Tensor rows)
    {
        using (rows)
        using (var lengths = rows.norm(1, keepdim: true))
            return (rows / lengths).DetachFromDisposeScope();
    }

    /// <summary>The orthonormal transform of n = a b entries is two small products, H_a X H_b, on the entries as an a x b matrix.</summary>
    private static (Tensor Left, Tensor Right) HadamardFactors(int width)
    {
        var bits = System.Numerics.BitOperations.Log2((uint)width);
        return (Hadamard(1 << (bits / 2)), Hadamard(1 << (bits - (bits / 2))));
    }

    private static Tensor Hadamard(int size)
    {
        var entries = new float[size, size];
        for (var row = 0; row < size; row++)
            for (var column = 0; column < size; column++)
                entries[row, column] = (float)((System.Numerics.BitOperations.PopCount((uint)(row & column)) % 2 == 0 ? 1 : -1) / Math.Sqrt(size));
        return tensor(entries).DetachFromDisposeScope();
    }
}
