using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a two-dimensional convolution with a square kernel: (C_in, H, W) -> (channels, H', W'),
    /// H' = (H + 2 padding - kernel) / stride + 1, rounded down.
    /// </summary>
    /// <param name="channels">The number of output channels, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1.</param>
    /// <param name="padding">How many zero pixels are added on each side, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "conv1", "conv2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image large enough.</exception>
    public TargetNetworkBuilder Conv2d(
        long channels,
        long kernel,
        long stride = 1,
        long padding = 0,
        bool bias = true,
        string? name = null) =>
        Add(new Conv2dLayer(channels, kernel, stride, padding, bias, name));
}

/// <summary>A two-dimensional convolution: (N, C_in, H, W) -> (N, channels, H', W').</summary>
internal sealed class Conv2dLayer(long channels, long kernel, long stride, long padding, bool bias, string? name) : Layer(name)
{
    /// <summary>The window's size, steps and padding.</summary>
    internal SlidingWindow Window => new("kernel", kernel, stride, padding);

    public override string Kind => "Conv2d";

    public override string Settings => FormattableString.Invariant($"stride {stride}, padding {padding}");

    public override string NamePrefix => "conv";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewConv2dLayer(at.Name, stride, padding);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(channels >= 1, $"channels is {channels}; it must be at least 1.");
        var (height, width) = Window.Over(input);
        return [channels, height, width];
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        WeightAndBias([channels, input[0], kernel, kernel], checked(input[0] * kernel * kernel), bias);

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        BlockedConvolution.Of(input, parameters[0], bias ? parameters[1] : null, stride, padding);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        // On the meta device the constructor draws no start values, so the caller's random stream does not move.
        var module = nn.Conv2d(input[0], channels, kernel, stride, padding, bias: bias, device: META);
        module.weight = Copied(parameters[0]);
        if (bias)
            module.bias = Copied(parameters[1]);
        return module;
    }
}
