using MappingNets.Core;

namespace MappingNets;

/// <summary>Orders of samples from the counter hash: the same on every machine, and blind to torch's generator.</summary>
internal static class SampleOrder
{
    /// <summary>A permutation of {0, ..., count - 1}.</summary>
    /// <param name="stream">What the order is for; different purposes get independent orders of one seed.</param>
    /// <param name="seed">Any seed.</param>
    /// <param name="number">Which order of the stream, such as the epoch.</param>
    /// <param name="count">How many samples, at least 1.</param>
    public static long[] Permutation(string stream, ulong seed, ulong number, int count)
    {
        var key = CounterHash.child(number, CounterHash.named(stream, CounterHash.ofSeed(seed)));
        var order = new long[count];
        for (var index = 0; index < count; index++)
            order[index] = (long)CounterHash.permute(key, (ulong)count, (ulong)index);
        return order;
    }
}
