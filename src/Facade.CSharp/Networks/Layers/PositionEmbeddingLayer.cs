using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A learnt vector added to each place of a sequence: any shape -> the same shape. Its one weight bears the layer's name.</summary>
public sealed class PositionEmbeddingLayer : Layer
{
    /// <summary>Describes the layer.</summary>
    /// <param name="name">The layer's name, or null for "pos_embedding1", "pos_embedding2", ...</param>
    public PositionEmbeddingLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "PositionEmbedding";

    /// <inheritdoc/>
    public override string NamePrefix => "pos_embedding";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return input;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("", [1, .. input], input[1])];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input + parameters[0];

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, ["weight"], parameters);
}

/// <summary>Adds the layer to a target network.</summary>
public static class PositionEmbeddingLayerExtensions
{
    /// <summary>Appends a learnt vector for each place, added: (T, features) -> the same shape.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "pos_embedding1", "pos_embedding2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public static TargetNetworkBuilder PositionEmbedding(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new PositionEmbeddingLayer(name));
}
