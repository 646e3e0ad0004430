using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What holds for all nodes of one pass through a graph, and the memory of its values.</summary>
/// <param name="file">The graph's file, for messages.</param>
/// <param name="type">The type of the pass's floats, which is that of the weights.</param>
/// <param name="device">Where the weights are.</param>
/// <param name="training">Whether this is a pass of training.</param>
/// <param name="samples">How many samples pass.</param>
/// <param name="limitBytes">What the graph's file may cost, <see cref="ReadLimits.Bytes"/>.</param>
/// <param name="isReading">Whether a file is read, so that all values together are held to the limit; a caller chooses the batch of other passes.</param>
internal sealed class GraphPass(string file, ScalarType type, Device device, bool training, long samples, long limitBytes, bool isReading = false)
{
    /// <summary>The most elements of one value for one or two samples at the usual limits, as a file is read with; no size or padding is larger.</summary>
    public const long MostElements = 1L << 28;

    // Of the usual 4 GiB one value may take a quarter.
    private const long BytesForAnElement = 16;

    private const long BytesOfFloat = 4;

    // No memory has as many, and the bytes of as many, added to those that are held, are a number of 64 bits.
    private const long MostElementsOfAny = 1L << 58;

    /// <summary>The type of its floats.</summary>
    public ScalarType Type => type;

    /// <summary>Where the weights are.</summary>
    public Device Device => device;

    /// <summary>Whether this is a pass of training.</summary>
    public bool Training => training;

    /// <summary>The most elements of one value of this pass: more samples may have as many more, and so may a file with a higher limit.</summary>
    public long MostElementsOfOne => (long)Int128.Min(
        (Int128)(Math.Max(MostElements, limitBytes / BytesForAnElement) / 2) * Math.Clamp(samples, 2, 1 << 24), MostElementsOfAny);

    /// <summary>The bytes of the values that are held, where they are limited. A branch puts it back to what it was.</summary>
    public long Taken { get; set; }

    /// <summary>Refuses a value that would take the held ones beyond the limit, before its memory is asked for.</summary>
    /// <param name="what">Where it comes from, for messages.</param>
    /// <param name="shape">Its shape; each element is reckoned as a float.</param>
    /// <exception cref="CheckpointFormatException">It would.</exception>
    public void Expect(object what, IReadOnlyList<long> shape)
    {
        if (isReading)
            Require(what, Taken + (BytesOfFloat * ShapeText.Product(shape)));
    }

    /// <summary>Counts a value that is held from now on.</summary>
    /// <param name="what">Where it comes from, for messages.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="CheckpointFormatException">The values take more than the limit.</exception>
    public void Take(object what, Tensor value)
    {
        if (!isReading)
            return;
        Taken += BytesOf(value);
        Require(what, Taken);
    }

    private void Require(object what, long bytes)
    {
        if (bytes > limitBytes)
            throw new CheckpointFormatException(
                file, $"needs {bytes} bytes for its values at {what}; at most {ShapeText.Count(limitBytes)} are held ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    /// <summary>Counts a value that is held no more.</summary>
    public void Free(Tensor value)
    {
        if (isReading)
            Taken -= BytesOf(value);
    }

    private static long BytesOf(Tensor value) => value.numel() * value.element_size();
}
