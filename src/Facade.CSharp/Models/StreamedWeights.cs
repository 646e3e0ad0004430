using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One buffer, as long as the largest layer's weights, into which the weights of one layer at a time are generated. Nothing of size P
/// exists: a layer's weights are there while it computes, forth and back, and then the next one's stand in their place.
/// </summary>
internal sealed class StreamedWeights : IDisposable
{
    /// <summary>Each tensor starts on a multiple of a cache line.</summary>
    private const long Alignment = 16;

    private readonly Mapping mapping;
    private readonly FusedMapping passes;
    private readonly TargetNetwork target;
    private readonly Tensor buffer;
    private readonly Dictionary<int, Tensor[]> places = [];
    private (StreamedPass? Pass, int First) held;

    /// <summary>Makes the buffer.</summary>
    /// <param name="mapping">What generates the weights.</param>
    /// <param name="target">A network that takes its weights layer by layer.</param>
    public StreamedWeights(Mapping mapping, TargetNetwork target)
    {
        (this.mapping, passes, this.target) = (mapping, mapping.TensorPasses!, target);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        buffer = empty(target.WeightsByLayer.Max(Length), dtype: ScalarType.Float32).DetachFromDisposeScope();
        foreach (var layer in target.WeightsByLayer)
            places.Add(layer.First, [.. Places(layer).Select(place => place.DetachFromDisposeScope())]);
    }

    /// <summary>How many bytes the buffer takes.</summary>
    public long Bytes => buffer.numel() * sizeof(float);

    /// <summary>A pass is to be done by one thread at a time.</summary>
    public object Gate { get; } = new();

    /// <summary>Which weights pruning left, booleans of shape (P); null where all are there.</summary>
    public Tensor? Mask { get; set; }

    /// <summary>The gradients of a pass, from the last tensor to the first, to z's.</summary>
    public TensorwisePullback Pullback(Tensor latent) => passes.PullbackByTensor(latent);

    /// <summary>Whether anything follows the fused passes: an activation, or a scale that is trained.</summary>
    private bool HasHead(StreamedPass pass) => mapping.Activation != MappingActivation.Identity || pass.Scales is not null;

    /// <summary>A layer's places in the buffer, with its weights in them.</summary>
    /// <param name="pass">The pass whose latent they come from.</param>
    /// <param name="first">The place of the layer's first weight among the network's.</param>
    public IReadOnlyList<Tensor> Fill(StreamedPass pass, int first)
    {
        var layer = places[first];
        if (held == (pass, first))
            return layer;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        held = default;
        passes.GenerateSome(pass.Latent(), first, layer);
        for (var index = 0; index < layer.Length; index++)
        {
            if (HasHead(pass))
                layer[index].copy_(Head(layer[index], first + index, pass.Scales?[first + index]));
            TargetNetwork.MoveToCenter(layer[index], target.Parameters[first + index]);
            if (MaskOf(first + index) is { } kept)
                layer[index].mul_(kept);
        }

        held = (pass, first);
        return layer;
    }

    /// <summary>A weight's gradient as one of the fused passes' result, and that of the scale that is trained.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="index">The place of the weight.</param>
    /// <param name="gradient">The weight's gradient.</param>
    public (Tensor Passes, float Scale) BehindHead(StreamedPass pass, int index, Tensor gradient)
    {
        if (MaskOf(index) is { } kept)
            gradient = gradient * kept;
        if (!HasHead(pass))
            return (gradient, 0);
        var values = empty([.. target.Parameters[index].Shape], dtype: ScalarType.Float32);
        passes.GenerateSome(pass.Latent(), index, [values]);
        using (enable_grad())
        {
            values.requires_grad_();
            var scale = pass.Scales is { } scales ? tensor(scales[index], dtype: ScalarType.Float32).requires_grad_() : null;
            var gradients = autograd.grad([Head(values, index, scale)], scale is null ? [values] : [values, scale], [gradient]);
            return (gradients[0], scale is null ? 0 : gradients[1].ToSingle());
        }
    }

    private Tensor Head(Tensor values, int index, Tensor? scale)
    {
        var activated = mapping.Activate(index, values);
        return scale is null ? activated : activated * scale;
    }

    private Tensor Head(Tensor values, int index, float? scale) =>
        Head(values, index, scale is { } number ? tensor(number, dtype: ScalarType.Float32) : null);

    /// <summary>Which of a tensor's weights pruning left, in its shape; null where all are there.</summary>
    public Tensor? MaskOf(int index)
    {
        var entry = target.Layout.Entries[index];
        return Mask?.narrow(0, entry.Offset, entry.Count).view(entry.Shape);
    }

    /// <summary>Another tensor on the same memory, with a history and a version of its own.</summary>
    public static Tensor SameMemory(Tensor place)
    {
        var tensor = empty(0, dtype: place.dtype);
        tensor.set_(place);
        return tensor;
    }

    public void Dispose()
    {
        foreach (var place in places.Values.SelectMany(layer => layer))
            place.Dispose();
        buffer.Dispose();
    }

    private static long RoundedUp(long count) => (count + Alignment - 1) / Alignment * Alignment;

    private long Length((int First, int Count) layer) =>
        Enumerable.Range(layer.First, layer.Count).Sum(index => RoundedUp(target.Parameters[index].Count));

    private IEnumerable<Tensor> Places((int First, int Count) layer)
    {
        var at = 0L;
        for (var index = layer.First; index < layer.First + layer.Count; index++)
        {
            var parameter = target.Parameters[index];
            yield return SameMemory(buffer.narrow(0, at, parameter.Count).view([.. parameter.Shape]));
            at += RoundedUp(parameter.Count);
        }
    }
}
