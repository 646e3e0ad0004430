using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A tensor's memory in pieces that fit into a span.</summary>
internal static class TensorBytes
{
    private const long ElementsPerPart = 1 << 20;

    /// <summary>Views that together are the whole memory of a contiguous CPU tensor, in order; none for an empty one.</summary>
    public static IEnumerable<Tensor> Parts(Tensor tensor)
    {
        var count = tensor.numel();
        if (count == 0)
            yield break;
        using var flat = tensor.view(-1);
        for (var start = 0L; start < count; start += ElementsPerPart)
        {
            using var part = flat.narrow(0, start, Math.Min(ElementsPerPart, count - start));
            yield return part;
        }
    }
}
