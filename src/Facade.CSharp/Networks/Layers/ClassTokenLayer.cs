using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A learnt token before the others: (N, T, features) -> (N, T + 1, features). Its one weight bears the layer's name.</summary>
public sealed class ClassTokenLayer : Layer
{
    /// <summary>Describes the layer.</summary>
    /// <param name="name">The layer's name, or null for "class_token1", "class_token2", ...</param>
    public ClassTokenLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "ClassToken";

    /// <inheritdoc/>
    public override string NamePrefix => "class_token";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return [input[0] + 1, input[1]];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("", [1, 1, input[1]], input[1])];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        cat([parameters[0].expand(input.shape[0], -1, -1), input], 1);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, ["weight"], parameters);
}

/// <summary>Adds the layer to a target network.</summary>
public static class ClassTokenLayerExtensions
{
    /// <summary>Appends a learnt token in front: (T, features) -> (T + 1, features).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "class_token1", "class_token2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public static TargetNetworkBuilder ClassToken(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new ClassTokenLayer(name));
}
