using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A mapping as a part of a streamed model: which of the network's tensors it generates, and which trained tensors it does so from.</summary>
internal sealed class StreamedPart
{
    private readonly Mapping mapping;
    private readonly FusedMapping passes;
    private readonly IReadOnlyList<int> places;
    private readonly Dictionary<int, int> own;

    /// <summary>Takes a mapping in; <see cref="MissingOf"/> gives nothing for it.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="places">Where its tensors stand among the network's, in rising order.</param>
    /// <param name="latent">The place of its latent among the trained tensors; trained scales follow it.</param>
    public StreamedPart(Mapping mapping, IReadOnlyList<int> places, int latent)
    {
        (this.mapping, passes, this.places, Latent) = (mapping, mapping.TensorPasses!, places, latent);
        own = places.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
    }

    /// <summary>Why a mapping cannot generate tensor by tensor; null where it can.</summary>
    public static string? MissingOf(Mapping mapping) =>
        mapping.TensorPasses is null ? "the mapping has a modulation or fixed weights that need all weights at once" : null;

    /// <summary>The place of its latent among the trained tensors.</summary>
    public int Latent { get; }

    /// <summary>The place of its trained scales among the trained tensors; null where its scales are fixed.</summary>
    public int? Scales => mapping.Specification.TrainableScale ? Latent + 1 : null;

    /// <summary>Whether it generates a tensor of the network.</summary>
    public bool Moves(int index) => own.ContainsKey(index);

    /// <summary>The gradients of a pass, from its last tensor to its first, to its latent's; in the caller's hands.</summary>
    public TensorwisePullback Pullback(StreamedPass pass)
    {
        using var latent = pass.Vector(Latent);
        return passes.PullbackByTensor(latent);
    }

    /// <summary>Generates what it does of a layer's tensors.</summary>
    /// <param name="pass">The pass whose trained tensors it reads.</param>
    /// <param name="first">The place of the layer's first tensor among the network's.</param>
    /// <param name="layer">Where the layer's tensors go.</param>
    public void Generate(StreamedPass pass, int first, IReadOnlyList<Tensor> layer)
    {
        // Those of one layer are neighbours among its own too.
        int[] moved = [.. Enumerable.Range(first, layer.Count).Where(own.ContainsKey)];
        if (moved.Length == 0)
            return;
        passes.GenerateSome(pass.Vector(Latent), own[moved[0]], [.. moved.Select(index => layer[index - first])]);
        if (!HasHead)
            return;
        foreach (var index in moved)
            layer[index - first].copy_(Head(layer[index - first], own[index], ScaleOf(pass, index)));
    }

    /// <summary>Adds a generated tensor's gradient to its latent's and to that of its trained scale.</summary>
    /// <param name="pass">The pass, which keeps the sums.</param>
    /// <param name="pullback">What <see cref="Pullback"/> gave.</param>
    /// <param name="index">The place of the tensor among the network's.</param>
    /// <param name="gradient">Its gradient.</param>
    public void Add(StreamedPass pass, TensorwisePullback pullback, int index, Tensor gradient)
    {
        if (!HasHead)
        {
            pullback.Add(own[index], gradient);
            return;
        }

        var values = empty([.. mapping.Layout.Entries[own[index]].Shape], dtype: ScalarType.Float32, device: CPU);
        passes.GenerateSome(pass.Vector(Latent), own[index], [values]);
        using (enable_grad())
        {
            values.requires_grad_();
            var scale = ScaleOf(pass, index)?.requires_grad_();
            var gradients = autograd.grad([Head(values, own[index], scale)], scale is null ? [values] : [values, scale], [gradient]);
            pullback.Add(own[index], gradients[0]);
            if (scale is not null)
                pass.Gradients[Scales!.Value][own[index]] = gradients[1].ToSingle();
        }
    }

    /// <summary>Whether anything follows the fused passes: an activation, or a scale that is trained.</summary>
    private bool HasHead => mapping.Activation != MappingActivation.Identity || Scales is not null;

    private Tensor? ScaleOf(StreamedPass pass, int index) =>
        Scales is { } scales ? tensor(pass.Values[scales][own[index]], dtype: ScalarType.Float32, device: CPU) : null;

    private Tensor Head(Tensor values, int index, Tensor? scale)
    {
        var activated = mapping.Activate(index, values);
        return scale is null ? activated : activated * scale;
    }
}
