using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One buffer, as long as the largest layer's weights, into which the weights of one layer at a time are generated, or read and changed.
/// Nothing of size P exists: a layer's weights are there while it computes, forth and back, and then the next one's stand in their place.
/// On a device that is not the CPU a layer's weights are put together in a buffer of the CPU and copied; its gradients come back by a copy.
/// </summary>
internal sealed class StreamedWeights : IDisposable
{
    private readonly TargetNetwork target;
    private readonly GivenWeights? given;
    private readonly Dictionary<int, int> direct;
    private LayerBuffer buffer;
    private LayerBuffer? staging;
    private (StreamedPass? Pass, int First) held;

    /// <summary>Makes the buffer.</summary>
    /// <param name="device">Where the layers compute.</param>
    /// <param name="target">A network that takes its weights layer by layer.</param>
    /// <param name="parts">What generates weights, or changes of them.</param>
    /// <param name="given">What generated changes are added to; null where the weights themselves are generated.</param>
    /// <param name="direct">The tensors of the network that are trained themselves: their places among the network's and among the trained.</param>
    public StreamedWeights(
        Device device, TargetNetwork target, IReadOnlyList<StreamedPart> parts, GivenWeights? given = null, IReadOnlyDictionary<int, int>? direct = null)
    {
        (this.target, Parts, this.given, this.direct) = (target, parts, given, new(direct ?? new Dictionary<int, int>()));
        buffer = new(target, device);
        staging = device.type == DeviceType.CPU ? null : new(target, CPU);
    }

    /// <summary>Refuses what cannot be streamed.</summary>
    /// <param name="target">The network.</param>
    /// <param name="missing">What stands in the way on the side of what generates the weights; null where nothing does.</param>
    /// <exception cref="ArgumentException">It cannot be streamed; the message says why.</exception>
    public static void Require(TargetNetwork target, string? missing)
    {
        if ((target.WithoutWeightsByLayer ?? missing) is { } reason)
            throw new ArgumentException(
                $"The weights cannot be streamed: {reason}. Streaming takes a network of the builder or a Sequential, matrix-free fixed weights, and no or "
                + "additive modulation.",
                "streamed");
    }

    /// <summary>Moves the buffer along with its model.</summary>
    public void MoveTo(Device device)
    {
        lock (Gate)
        {
            held = default;
            buffer.Dispose();
            staging?.Dispose();
            buffer = new(target, device);
            staging = device.type == DeviceType.CPU ? null : new(target, CPU);
        }
    }

    /// <summary>Takes the way of other devices on the CPU, for tests where there is no other device.</summary>
    internal void CopyAsForDevices() => staging ??= new(target, CPU);

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
        var layer = buffer.Places(first);
        if (held == (pass, first))
            return layer;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        held = default;
        var made = staging?.Places(first) ?? layer;
        foreach (var part in Parts)
            part.Generate(pass, first, made);
        for (var index = 0; index < layer.Count; index++)
        {
            Complete(pass, first + index, made[index]);
            if (staging is not null)
                layer[index].copy_(made[index]);
            if (MaskOf(first + index) is { } kept)
                layer[index].mul_(kept);
        }

        held = (pass, first);
        return layer;
    }

    /// <summary>Whether a tensor is a view of weights in the buffer, where the next layer's will stand.</summary>
    public bool Holds(Tensor tensor) => buffer.Holds(tensor);

    /// <summary>Reads all weights layer by layer, in the network's order.</summary>
    /// <param name="mask">Which weights pruning left, as in <see cref="Mask"/>.</param>
    /// <param name="trained">The trained tensors.</param>
    /// <param name="read">Gets each tensor, whose memory is the next layer's afterwards.</param>
    public void Read(Tensor? mask, IReadOnlyList<Tensor> trained, Action<Tensor> read)
    {
        lock (Gate)
        {
            Mask = mask;
            var pass = new StreamedPass(this, trained);
            foreach (var (first, _) in target.WeightsByLayer.OrderBy(layer => layer.First))
                foreach (var weight in Fill(pass, first))
                    read(weight);
        }
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
        gradient = gradient.cpu();
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
    }

    /// <summary>Which of a tensor's weights pruning left, in its shape; null where all are there.</summary>
    private Tensor? MaskOf(int index)
    {
        var entry = target.Layout.Entries[index];
        return Mask?.narrow(0, entry.Offset, entry.Count).view(entry.Shape);
    }

    public void Dispose()
    {
        buffer.Dispose();
        staging?.Dispose();
    }
}
