using static TorchSharp.torch;

namespace MappingNets;

/// <summary>x / (1 + exp(-x)), element by element: any shape -> the same shape.</summary>
public sealed class SiLULayer : Layer
{
    /// <summary>Describes the activation.</summary>
    /// <param name="name">The layer's name, or null for "silu1", "silu2", ...</param>
    public SiLULayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "SiLU";

    /// <inheritdoc/>
    public override string NamePrefix => "silu";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => nn.functional.silu(input);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.SiLU();
}

/// <summary>Adds SiLU activations to a target network.</summary>
public static class SiLULayerExtensions
{
    /// <summary>Appends x / (1 + exp(-x)), element by element.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "silu1", "silu2", ...</param>
    public static TargetNetworkBuilder SiLU(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new SiLULayer(name));
}
