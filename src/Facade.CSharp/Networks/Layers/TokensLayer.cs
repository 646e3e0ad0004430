using static TorchSharp.torch;

namespace MappingNets;

/// <summary>An image as a sequence of its pixels: (N, C, H, W) -> (N, H W, C), row by row.</summary>
public sealed class TokensLayer : Layer
{
    /// <summary>Describes the layer.</summary>
    /// <param name="name">The layer's name, or null for "tokens1", "tokens2", ...</param>
    public TokensLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "Tokens";

    /// <inheritdoc/>
    public override string NamePrefix => "tokens";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [input[1] * input[2], input[0]];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input.flatten(2).transpose(1, 2);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [], parameters);
}

/// <summary>Adds the layer to a target network.</summary>
public static class TokensLayerExtensions
{
    /// <summary>Appends the image as a sequence of its pixels: (C, H, W) -> (H W, C).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "tokens1", "tokens2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public static TargetNetworkBuilder Tokens(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new TokensLayer(name));
}
