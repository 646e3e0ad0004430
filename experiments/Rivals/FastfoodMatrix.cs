using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// A random matrix R that is never stored: a stack of blocks of n rows, n the power of two at or above its columns d, each block the product
/// <code>
/// V = c * S H G Pi H B
/// </code>
/// with B a diagonal of signs, H the Walsh-Hadamard transform, Pi a permutation, G a diagonal of normal numbers, S a diagonal that
/// evens out the lengths of the rows of all blocks, and c such that a row of n numbers has the length 1; the first d columns are taken. O(P log d)
/// work, O(P) memory.
/// <para>
/// After Le, Sarlos and Smola, "Fastfood: Approximating Kernel Expansions in Loglinear Time" (ICML 2013). S is here 1 / |G| of the block:
/// every row of H G Pi H B has the length |G| sqrt(n), so all rows come out equal. The numbers of G are sums of uniform ones, near to
/// normal, so that the bits are the same everywhere.
/// </para>
/// </summary>
internal sealed class FastfoodMatrix : IDisposable
{
    private readonly long rows;
    private readonly int columns;
    private readonly int width;
    private readonly long blocks;
    private readonly Tensor signs;
    private readonly Tensor permutation;
    private readonly Tensor gaussian;
    private readonly Tensor left;
    private readonly Tensor right;

    /// <summary>The matrix of a seed.</summary>
    /// <param name="rows">P.</param>
    /// <param name="columns">d.</param>
    /// <param name="seed">The seed.</param>
    public FastfoodMatrix(long rows, int columns, ulong seed)
    {
        (this.rows, this.columns) = (rows, columns);
        width = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)columns);
        blocks = (rows + width - 1) / width;
        signs = SeededTensors.Signs(SeededTensors.Key(seed, "fastfood-signs"), blocks, width);
        permutation = SeededTensors.Permutations(SeededTensors.Key(seed, "fastfood-permutation"), blocks, width);
        gaussian = RowsOfLengthOne(SeededTensors.NearlyNormal(SeededTensors.Key(seed, "fastfood-normal"), blocks, width));
        (left, right) = HadamardFactors(width);
    }

    /// <summary>The mean squared length of a row: below 1 where d is no power of two, because each row has the length 1 with the columns that are left out.</summary>
    public double MeanSquaredLength => (double)columns / width;

    /// <summary>R z, shape (P).</summary>
    /// <param name="z">Shape (d).</param>
    public Tensor Times(Tensor z)
    {
        var padded = width == columns ? z : cat([z, zeros(width - columns)]);
        var mixed = Transformed(signs * padded).gather(1, permutation);
        // With H orthonormal the rows of H G Pi H B have the length |G| / sqrt(n) = 1 / sqrt(n).
        return Transformed(gaussian * mixed).view(-1).narrow(0, 0, rows) * Math.Sqrt(width);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in new[] { signs, permutation, gaussian, left, right })
            part.Dispose();
    }

    private Tensor Transformed(Tensor numbers) =>
        left.matmul(numbers.view(blocks, left.shape[0], right.shape[0])).matmul(right).view(blocks, width);

    private static Tensor RowsOfLengthOne(Tensor numbers)
    {
        using (numbers)
        using (var lengths = numbers.norm(1, keepdim: true))
            return (numbers / lengths).DetachFromDisposeScope();
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
