using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a two-dimensional transposed convolution with a square kernel: (C_in, H, W) -> (channels, H', W'),
    /// H' = (H - 1) stride - 2 padding + kernel. With stride = kernel it enlarges the image by that factor.
    /// </summary>
    /// <param name="channels">The number of output channels, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels of the output, at least 1.</param>
    /// <param name="padding">How many pixels are cut off on each side of the output, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "up1", "up2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image.</exception>
    public TargetNetworkBuilder ConvTranspose2d(
        long channels,
        long kernel,
        long stride = 1,
        long padding = 0,
        bool bias = true,
        string? name = null) =>
        Add(new ConvTranspose2dLayer(channels, kernel, stride, padding, bias, name));
}

/// <summary>A two-dimensional transposed convolution: (N, C_in, H, W) -> (N, channels, H', W').</summary>
internal sealed class ConvTranspose2dLayer(long channels, long kernel, long stride, long padding, bool bias, string? name) : Layer(name)
{
    /// <summary>The window's size, steps and padding.</summary>
    internal SlidingWindow Window => new("kernel", kernel, stride, padding);

    public override string Kind => "ConvTranspose2d";

    public override string Settings => FormattableString.Invariant($"stride {stride}, padding {padding}");

    public override string NamePrefix => "up";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewConvTranspose2dLayer(at.Name, stride, padding);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(channels >= 1, $"channels is {channels}; it must be at least 1.");
        Require(kernel >= 1, $"kernel is {kernel}; it must be at least 1.");
        Require(stride >= 1, $"stride is {stride}; it must be at least 1.");
        Require(padding >= 0, $"padding is {padding}; it must be at least 0.");
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [channels, OutputSide(input[1], "height"), OutputSide(input[2], "width")];
    }

    private long OutputSide(long side, string what)
    {
        var output = (side - 1) * stride - 2 * padding + kernel;
        Require(output >= 1, $"the padding of {padding} leaves nothing of the output's {what}.");
        return output;
    }

    // The gradient of a convolution: each output sums kernel^2 C_in / stride^2 inputs; PyTorch's own start counts C_out, by the
    // weight's second dimension, and so does this.
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input)
    {
        var fanIn = checked(channels * kernel * kernel);
        var weight = new ParameterSpecification("weight", [input[0], channels, kernel, kernel], fanIn);
        return bias ? [weight, new("bias", [channels], fanIn)] : [weight];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        BlockedConvolution.Transposed(input, parameters[0], bias ? parameters[1] : null, stride, padding);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        // On the meta device the constructor draws no start values, so the caller's random stream does not move.
        var module = nn.ConvTranspose2d(input[0], channels, kernel, stride, padding, bias: bias, device: META);
        module.weight = Copied(parameters[0]);
        if (bias)
            module.bias = Copied(parameters[1]);
        return module;
    }
}
