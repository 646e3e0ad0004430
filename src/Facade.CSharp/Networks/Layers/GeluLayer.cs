using static TorchSharp.torch;

namespace MappingNets;

/// <summary>x times the normal distribution function of x, element by element: any shape -> the same shape.</summary>
public sealed class GeluLayer : Layer
{
    /// <summary>Describes the activation.</summary>
    /// <param name="name">The layer's name, or null for "gelu1", "gelu2", ...</param>
    public GeluLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "GELU";

    /// <inheritdoc/>
    public override string NamePrefix => "gelu";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => nn.functional.gelu(input);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.GELU();
}

/// <summary>Adds GELU activations to a target network.</summary>
public static class GeluLayerExtensions
{
    /// <summary>Appends GELU, element by element.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "gelu1", "gelu2", ...</param>
    public static TargetNetworkBuilder Gelu(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new GeluLayer(name));
}
