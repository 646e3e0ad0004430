using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What holds for all nodes of one pass through a graph, and the memory of its values.</summary>
/// <param name="file">The graph's file, for messages.</param>
/// <param name="type">The type of the pass's floats, which is that of the weights.</param>
/// <param name="device">Where the weights are.</param>
/// <param name="training">Whether this is a pass of training.</param>
/// <param name="samples">How many samples pass.</param>
/// <param name="mostBytes">
/// The most bytes that its values may take together while a file is read; null for a pass whose batch the caller chose.
/// </param>
internal sealed class GraphPass(string file, ScalarType type, Device device, bool training, long samples, long? mostBytes = null)
{
    /// <summary>The most elements of one value for one or two samples, as a file is read with; no size or padding is larger.</summary>
    public const long MostElements = 1L << 28;

    /// <summary>The type of its floats.</summary>
    public ScalarType Type => type;

    /// <summary>Where the weights are.</summary>
    public Device Device => device;

    /// <summary>Whether this is a pass of training.</summary>
    public bool Training => training;

    /// <summary>The most elements of one value of this pass: more samples may have as many more.</summary>
    public long MostElementsOfOne => MostElements / 2 * Math.Clamp(samples, 2, 1 << 24);

    /// <summary>The bytes of the values that are held, where they are limited. A branch puts it back to what it was.</summary>
    public long Taken { get; set; }

    /// <summary>Counts a value that is held from now on.</summary>
    /// <param name="what">Where it comes from, for messages.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="CheckpointFormatException">The values take more than the limit.</exception>
    public void Take(object what, Tensor value)
    {
        if (mostBytes is not { } most)
            return;
        Taken += BytesOf(value);
        if (Taken > most)
            throw new CheckpointFormatException(
                file, $"needs {Taken} bytes for its values at {what}; at most {ShapeText.Count(most)} are held ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    /// <summary>Counts a value that is held no more.</summary>
    public void Free(Tensor value)
    {
        if (mostBytes is not null)
            Taken -= BytesOf(value);
    }

    private static long BytesOf(Tensor value) => value.numel() * value.element_size();
}
