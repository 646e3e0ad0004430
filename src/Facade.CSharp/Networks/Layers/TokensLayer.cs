using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends the image as a sequence of its pixels: (C, H, W) -> (H W, C).</summary>
    /// <param name="name">The layer's name, or null for "tokens1", "tokens2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public TargetNetworkBuilder Tokens(string? name = null) => Add(new TokensLayer(name));
}

/// <summary>An image as a sequence of its pixels: (N, C, H, W) -> (N, H W, C), row by row.</summary>
internal sealed class TokensLayer(string? name) : Layer(name)
{
    public override string Kind => "Tokens";

    public override string NamePrefix => "tokens";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.TokensLayer;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [input[1] * input[2], input[0]];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input.flatten(2).transpose(1, 2);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [], parameters);
}
