using static TorchSharp.torch;

namespace MappingNets;

/// <summary>tanh(x), element by element: any shape -> the same shape.</summary>
public sealed class TanhLayer : Layer
{
    /// <summary>Describes the activation.</summary>
    /// <param name="name">The layer's name, or null for "tanh1", "tanh2", ...</param>
    public TanhLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "Tanh";

    /// <inheritdoc/>
    public override string NamePrefix => "tanh";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.tanh();

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.Tanh();
}

/// <summary>Adds Tanh activations to a target network.</summary>
public static class TanhLayerExtensions
{
    /// <summary>Appends tanh(x), element by element.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "tanh1", "tanh2", ...</param>
    public static TargetNetworkBuilder Tanh(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new TanhLayer(name));
}
