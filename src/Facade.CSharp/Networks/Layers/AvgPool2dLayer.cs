using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends the mean of each square window: (C, H, W) -> (C, H', W'), H' = (H + 2 padding - window) / stride + 1, rounded down.
    /// As in PyTorch, padded zeros count in the mean.
    /// </summary>
    /// <param name="window">The window's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1; null is the window's side.</param>
    /// <param name="padding">How many zero pixels are added on each side: 0 to half the window.</param>
    /// <param name="name">The layer's name, or null for "avgpool1", "avgpool2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image large enough.</exception>
    public TargetNetworkBuilder AvgPool2d(long window, long? stride = null, long padding = 0, string? name = null) =>
        Add(new AvgPool2dLayer(window, stride ?? window, padding, name));
}

/// <summary>The mean of each square window: (N, C, H, W) -> (N, C, H', W').</summary>
internal sealed class AvgPool2dLayer(long window, long stride, long padding, string? name) : Layer(name)
{
    /// <summary>The window's size, steps and padding.</summary>
    internal SlidingWindow Window => new("window", window, stride, padding);

    public override string Kind => "AvgPool2d";

    public override string Settings => FormattableString.Invariant($"window {window}, stride {stride}, padding {padding}");

    public override string NamePrefix => "avgpool";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewAvgPool2dLayer(window, stride, padding);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        var (height, width) = Window.OverHalfPadded(input);
        return [input[0], height, width];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.avg_pool2d(input, window, stride, padding);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.AvgPool2d(window, stride, padding);
}
