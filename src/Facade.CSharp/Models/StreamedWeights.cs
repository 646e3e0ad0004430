using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One buffer, as long as the largest layer's weights, into which the weights of one layer at a time are generated, or read and changed.
/// Nothing of size P exists: a layer's weights are there while it computes, forth and back, and then the next one's stand in their place.
/// </summary>
internal sealed class StreamedWeights : IDisposable
{
    /// <summary>Each tensor starts on a multiple of a cache line.</summary>
    private const long Alignment = 16;

    private readonly TargetNetwork target;
    private readonly GivenWeights? given;
    private readonly Dictionary<int, int> direct;
    private readonly Tensor buffer;
    private readonly Dictionary<int, Tensor[]> places = [];
    private (StreamedPass? Pass, int First) held;

    /// <summary>Makes the buffer.</summary>
    /// <param name="target">A network that takes its weights layer by layer.</param>
    /// <param name="parts">What generates weights, or changes of them.</param>
    /// <param name="given">What generated changes are added to; null where the weights themselves are generated.</param>
    /// <param name="direct">The tensors of the network that are trained themselves: their places among the network's and among the trained.</param>
    public StreamedWeights(TargetNetwork target, IReadOnlyList<StreamedPart> parts, GivenWeights? given = null, IReadOnlyDictionary<int, int>? direct = null)
    {
        (this.target, Parts, this.given, this.direct) = (target, parts, given, new(direct ?? new Dictionary<int, int>()));
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        buffer = empty(target.WeightsByLayer.Max(Length), dtype: ScalarType.Float32).DetachFromDisposeScope();
        foreach (var layer in target.WeightsByLayer)
            places.Add(layer.First, [.. Places(layer).Select(place => place.DetachFromDisposeScope())]);
    }

    /// <summary>Refuses what cannot be streamed.</summary>
    /// <param name="target">The network.</param>
    /// <param name="missing">What stands in the way on the side of what generates the weights; null where nothing does.</param>
    /// <param name="device">Where the model is to live.</param>
    /// <exception cref="ArgumentException">It cannot be streamed; the message says why.</exception>
    public static void Require(TargetNetwork target, string? missing, Device device)
    {
        var reason = target.WithoutWeightsByLayer ?? missing ?? (device.type != DeviceType.CPU ? $"its device is {device}" : null);
        if (reason is not null)
            throw new ArgumentException(
                $"The weights cannot be streamed: {reason}. Streaming takes a network of the builder or a Sequential, matrix-free fixed weights, no or "
                + "additive modulation, and the CPU.",
                "streamed");
    }

    /// <summary>What generates weights, or changes of them.</summary>
    public IReadOnlyList<StreamedPart> Parts { get; }

    /// <summary>A pass is to be done by one thread at a time.</summary>
    public object Gate { get; } = new();

    /// <summary>Which weights pruning left, booleans of shape (P); null where all are there.</summary>
    public Tensor? Mask { get; set; }

    /// <summary>A layer's places in the buffer, with its weights in them.</summary>
    /// <param name="pass">The pass whose trained tensors they come from.</param>
    /// <param name="first">The place of the layer's first weight among the network's.</param>
    public IReadOnlyList<Tensor> Fill(StreamedPass pass, int first)
    {
        var layer = places[first];
        if (held == (pass, first))
            return layer;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        held = default;
        foreach (var part in Parts)
            part.Generate(pass, first, layer);
        for (var index = 0; index < layer.Length; index++)
            Complete(pass, first + index, layer[index]);
        held = (pass, first);
        return layer;
    }

    /// <summary>Whether a tensor's weights depend on anything that is trained.</summary>
    public bool IsTrained(int index) => direct.ContainsKey(index) || Parts.Any(part => part.Moves(index));

    /// <summary>Adds a tensor's gradient to those of the trained tensors that it depends on.</summary>
    /// <param name="pass">The pass, which keeps the sums.</param>
    /// <param name="pullbacks">That of each part.</param>
    /// <param name="index">The place of the tensor among the network's.</param>
    /// <param name="gradient">The gradient of the weights as the layer got them.</param>
    public void Add(StreamedPass pass, IReadOnlyList<TensorwisePullback> pullbacks, int index, Tensor gradient)
    {
        if (MaskOf(index) is { } kept)
            gradient = gradient * kept;
        if (direct.TryGetValue(index, out var trained))
        {
            pass.Gradients[trained] = gradient.contiguous().data<float>().ToArray();
            // What a mapping generates of it as well is not used.
            gradient = zeros_like(gradient);
        }

        foreach (var (part, pullback) in Parts.Zip(pullbacks))
            if (part.Moves(index))
                part.Add(pass, pullback, index, gradient);
    }

    private void Complete(StreamedPass pass, int index, Tensor place)
    {
        if (direct.TryGetValue(index, out var trained))
            place.copy_(pass.Vector(trained).view(place.shape));
        else if (given is null)
            TargetNetwork.MoveToCenter(place, target.Parameters[index]);
        else if (Parts.Any(part => part.Moves(index)))
            given.AddTo(index, place);
        else
            given.CopyTo(index, place);
        if (MaskOf(index) is { } kept)
            place.mul_(kept);
    }

    /// <summary>Which of a tensor's weights pruning left, in its shape; null where all are there.</summary>
    private Tensor? MaskOf(int index)
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
