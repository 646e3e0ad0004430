using System.Runtime.InteropServices;
using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// The random constants of the rivals, from the core's counter hash: equal seeds give equal bits on every machine. Each tensor is made
/// outside every dispose scope; the caller disposes it.
/// </summary>
internal static class SeededTensors
{
    private const int BlockOfNumbers = 1 << 18;

    /// <summary>The stream of a method's constant.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="name">The constant's name, such as "pranc-basis".</param>
    public static CounterHash.Key Key(ulong seed, string name) => CounterHash.named(name, CounterHash.ofSeed(seed));

    /// <summary>
    /// Uniform numbers within an amplitude: [-amplitude, amplitude). Written in blocks straight into the tensor, so that a matrix of
    /// gigabytes needs no second copy of itself.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="amplitude">The largest magnitude.</param>
    /// <param name="shape">The shape.</param>
    public static Tensor Uniform(CounterHash.Key key, double amplitude, params long[] shape) =>
        Filled(shape, index => (float)amplitude * CounterHash.symmetricUniform(key, index));

    /// <summary>Fair signs, +1 or -1.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="shape">The shape.</param>
    public static Tensor Signs(CounterHash.Key key, params long[] shape) => Filled(shape, index => CounterHash.sign(key, index));

    /// <summary>
    /// Numbers of mean 0 and variance 1, close to normal: the sum of twelve uniform ones less six. Unlike a normal by logarithm and
    /// cosine it has the same bits everywhere.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="shape">The shape.</param>
    public static Tensor NearlyNormal(CounterHash.Key key, params long[] shape) => Filled(shape, index =>
    {
        var sum = -6.0;
        for (ulong term = 0; term < 12; term++)
            sum += CounterHash.uniformDouble(key, (12 * index) + term);
        return (float)sum;
    });

    /// <summary>Uniform whole numbers in [0, bound), as indices.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="bound">The exclusive upper bound.</param>
    /// <param name="count">How many.</param>
    public static Tensor Indices(CounterHash.Key key, int bound, long count)
    {
        var values = new long[count];
        for (var index = 0; index < count; index++)
            values[index] = (long)CounterHash.below(key, (ulong)bound, (ulong)index);
        return tensor(values).DetachFromDisposeScope();
    }

    /// <summary>Permutations of {0, ..., size - 1}, one a row: shape (rows, size).</summary>
    /// <param name="key">The stream.</param>
    /// <param name="rows">How many permutations.</param>
    /// <param name="size">What each permutes.</param>
    public static Tensor Permutations(CounterHash.Key key, long rows, int size)
    {
        var values = new long[rows * size];
        for (var row = 0; row < rows; row++)
        {
            var own = CounterHash.child((ulong)row, key);
            for (var index = 0; index < size; index++)
                values[((long)row * size) + index] = (long)CounterHash.permute(own, (ulong)size, (ulong)index);
        }

        return tensor(values, [rows, size]).DetachFromDisposeScope();
    }

    private static Tensor Filled(long[] shape, Func<ulong, float> number)
    {
        var filled = empty(shape, dtype: float32).DetachFromDisposeScope();
        var flat = filled.view(-1);
        using (flat)
        {
            var count = flat.shape[0];
            Parallel.For(0, (count + BlockOfNumbers - 1) / BlockOfNumbers, block =>
            {
                var first = block * BlockOfNumbers;
                using var part = flat.narrow(0, first, Math.Min(BlockOfNumbers, count - first));
                var numbers = MemoryMarshal.Cast<byte, float>(part.bytes);
                for (var index = 0; index < numbers.Length; index++)
                    numbers[index] = number((ulong)(first + index));
            });
        }

        return filled;
    }
}
