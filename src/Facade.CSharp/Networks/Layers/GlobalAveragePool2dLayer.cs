using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The mean of each channel over the whole image: (N, C, H, W) -> (N, C).</summary>
public sealed class GlobalAveragePool2dLayer : Layer
{
    /// <summary>Describes the pooling.</summary>
    /// <param name="name">The layer's name, or null for "avgpool1", "avgpool2", ...</param>
    public GlobalAveragePool2dLayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "GlobalAveragePool2d";

    /// <inheritdoc/>
    public override string NamePrefix => "avgpool";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [input[0]];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.mean([2, 3]);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Sequential(("pool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()));
}

/// <summary>Adds global average poolings to a target network.</summary>
public static class GlobalAveragePool2dLayerExtensions
{
    /// <summary>Appends the mean of each channel: (C, H, W) -> (C).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "avgpool1", "avgpool2", ...</param>
    /// <exception cref="ArgumentException">The input is no image.</exception>
    public static TargetNetworkBuilder GlobalAveragePool2d(this TargetNetworkBuilder builder, string? name = null) =>
        builder.Add(new GlobalAveragePool2dLayer(name));
}
