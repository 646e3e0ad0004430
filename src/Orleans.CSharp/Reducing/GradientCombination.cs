using System.Numerics;
using System.Runtime.InteropServices;

namespace MappingNets;

/// <summary>How the gradients of a step's parts become one.</summary>
public enum GradientCombination
{
    /// <summary>
    /// The mean over the step's samples: the parts' shares added in their order, so that the bits do not depend on which worker computes
    /// which part, nor on who is first. One worker that sends wrong numbers can move it anywhere.
    /// </summary>
    Mean,

    /// <summary>
    /// In each coordinate the median of the parts' mean gradients (Yin, Chen, Kannan and Bartlett 2018), the mean of the middle two where
    /// their number is even; running statistics are combined in the same way. What fewer than half of the parts send cannot move a coordinate
    /// out of the range of the others. Parts with a number that is not finite do not count. Steps are noisier than with the mean: a median does
    /// not average.
    /// </summary>
    Median,
}

/// <summary>Makes one gradient of a step's parts.</summary>
internal static class Combining
{
    /// <summary>The gradient of a step.</summary>
    /// <param name="how">The rule.</param>
    /// <param name="clip">The largest Euclidean norm of a part's mean gradient, to which longer ones are cut; null cuts nothing.</param>
    /// <param name="parts">Each part's share times its mean gradient, in order.</param>
    /// <param name="shares">Each part's share of the step's samples.</param>
    public static byte[] Combine(GradientCombination how, double? clip, IReadOnlyList<byte[]> parts, IReadOnlyList<double> shares)
    {
        var clipped = clip is { } norm ? [.. parts.Zip(shares, (part, share) => Clipped(part, norm * share))] : parts;
        return how == GradientCombination.Median ? Median(clipped, shares) : Sum(clipped);
    }

    private static byte[] Sum(IReadOnlyList<byte[]> parts)
    {
        var sum = (byte[])parts[0].Clone();
        var to = MemoryMarshal.Cast<byte, float>(sum.AsSpan());
        for (var index = 1; index < parts.Count; index++)
            Add(to, MemoryMarshal.Cast<byte, float>(parts[index].AsSpan()));
        return sum;
    }

    // Element by element: vectors change no bit.
    private static void Add(Span<float> sum, ReadOnlySpan<float> part)
    {
        var place = 0;
        for (; place <= sum.Length - Vector<float>.Count; place += Vector<float>.Count)
            (new Vector<float>(sum[place..]) + new Vector<float>(part[place..])).CopyTo(sum[place..]);
        for (; place < sum.Length; place++)
            sum[place] += part[place];
    }

    private static byte[] Clipped(byte[] part, double longest)
    {
        var squares = 0.0;
        foreach (var number in MemoryMarshal.Cast<byte, float>(part.AsSpan()))
            squares += (double)number * number;
        var length = Math.Sqrt(squares);
        if (!(length > longest))
            return part;
        var cut = (byte[])part.Clone();
        var factor = longest / length;
        foreach (ref var number in MemoryMarshal.Cast<byte, float>(cut.AsSpan()))
            number = (float)(number * factor);
        return cut;
    }

    private static byte[] Median(IReadOnlyList<byte[]> parts, IReadOnlyList<double> shares)
    {
        var counted = Enumerable.Range(0, parts.Count).Where(index => AllFinite(parts[index])).ToArray();
        // Nothing to choose from: the workers then see that the gradient is not finite.
        if (counted.Length == 0)
            return parts[0];
        var median = new byte[parts[0].Length];
        var to = MemoryMarshal.Cast<byte, float>(median.AsSpan());
        var values = new double[counted.Length];
        for (var place = 0; place < to.Length; place++)
        {
            for (var index = 0; index < counted.Length; index++)
                values[index] = MemoryMarshal.Cast<byte, float>(parts[counted[index]].AsSpan())[place] / shares[counted[index]];
            Array.Sort(values);
            var middle = values.Length / 2;
            to[place] = (float)(values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2);
        }

        return median;
    }

    private static bool AllFinite(byte[] part)
    {
        foreach (var number in MemoryMarshal.Cast<byte, float>(part.AsSpan()))
            if (!float.IsFinite(number))
                return false;
        return true;
    }

    /// <summary>
    /// The parts' statistics as one: their mean, added in their order in double precision, or in each coordinate their median. Parts without any
    /// do not count.
    /// </summary>
    public static byte[] Statistics(GradientCombination how, IEnumerable<byte[]> parts)
    {
        var counted = parts.Where(part => part.Length > 0).ToArray();
        if (counted.Length == 0)
            return [];
        if (how == GradientCombination.Median)
            return Median(counted, [.. counted.Select(_ => 1.0)]);
        var mean = new byte[counted[0].Length];
        var to = MemoryMarshal.Cast<byte, float>(mean.AsSpan());
        for (var place = 0; place < to.Length; place++)
        {
            var sum = 0.0;
            foreach (var part in counted)
                sum += MemoryMarshal.Cast<byte, float>(part.AsSpan())[place];
            to[place] = (float)(sum / counted.Length);
        }

        return mean;
    }
}
