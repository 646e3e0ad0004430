using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The first of a sequence: (N, T, features) -> (N, features).</summary>
public sealed class FirstTokenLayer : Layer
{
    /// <summary>Describes the layer.</summary>
    /// <param name="name">The layer's name, or null for "first1", "first2", ...</param>
    public FirstTokenLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "FirstToken";

    /// <inheritdoc/>
    public override string NamePrefix => "first";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return [input[1]];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input.select(1, 0);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [], parameters);
}

/// <summary>Adds the layer to a target network.</summary>
public static class FirstTokenLayerExtensions
{
    /// <summary>Appends the choice of the first token: (T, features) -> (features).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "first1", "first2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public static TargetNetworkBuilder FirstToken(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new FirstTokenLayer(name));
}
