using static TorchSharp.torch;

namespace MappingNets;

/// <summary>All of a sample in one row: (N, ...) -> (N, product).</summary>
public sealed class FlattenLayer : Layer
{
    /// <summary>Describes a flattening.</summary>
    /// <param name="name">The layer's name, or null for "flatten1", "flatten2", ...</param>
    public FlattenLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "Flatten";

    /// <inheritdoc/>
    public override string NamePrefix => "flatten";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => [ShapeText.Product(input)];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.flatten(1);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.Flatten();
}

/// <summary>Adds flattenings to a target network.</summary>
public static class FlattenLayerExtensions
{
    /// <summary>Appends a flattening: (...) -> (product).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "flatten1", "flatten2", ...</param>
    public static TargetNetworkBuilder Flatten(this TargetNetworkBuilder builder, string? name = null) =>
        builder.Add(new FlattenLayer(name));
}
