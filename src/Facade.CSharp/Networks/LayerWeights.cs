using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Where the layers of a pass get their weights from: each layer takes its own when its turn comes.</summary>
internal abstract class LayerWeights
{
    /// <summary>A layer's weights, for its pass that follows.</summary>
    /// <param name="first">The place of the first of them among the network's.</param>
    /// <param name="count">How many there are, at least 1.</param>
    public abstract IReadOnlyList<Tensor> Take(int first, int count);

    /// <summary>What the layer puts out, once it has.</summary>
    /// <param name="output">Its output.</param>
    /// <param name="first">As for <see cref="Take"/>.</param>
    /// <param name="count">As for <see cref="Take"/>.</param>
    public abstract Tensor Leave(Tensor output, int first, int count);
}

/// <summary>Weights that are all there.</summary>
internal sealed class HeldWeights(IReadOnlyList<Tensor> weights) : LayerWeights
{
    private readonly Tensor[] weights = weights as Tensor[] ?? [.. weights];

    public override IReadOnlyList<Tensor> Take(int first, int count) => new ArraySegment<Tensor>(weights, first, count);

    public override Tensor Leave(Tensor output, int first, int count) => output;
}
