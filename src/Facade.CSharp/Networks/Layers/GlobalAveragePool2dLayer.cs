using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends the mean of each channel: (C, H, W) -> (C).</summary>
    /// <param name="name">The layer's name, or null for "avgpool1", "avgpool2", ...</param>
    /// <exception cref="ArgumentException">The input is no image.</exception>
    public TargetNetworkBuilder GlobalAveragePool2d(string? name = null) =>
        Add(new GlobalAveragePool2dLayer(name));
}

/// <summary>The mean of each channel over the whole image: (N, C, H, W) -> (N, C).</summary>
internal sealed class GlobalAveragePool2dLayer(string? name) : Layer(name)
{
    public override string Kind => "GlobalAveragePool2d";

    public override string NamePrefix => "avgpool";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.GlobalAveragePool2dLayer;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [input[0]];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.mean([2, 3]);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Sequential(("pool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()));
}
