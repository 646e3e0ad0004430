using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A two-dimensional transposed convolution with a square kernel: (N, C_in, H, W) -> (N, C_out, H', W'),
/// H' = (H - 1) stride - 2 padding + kernel. With stride = kernel it enlarges the image by that factor.
/// </summary>
public sealed class ConvTranspose2dLayer : Layer
{
    /// <summary>Describes a transposed convolution.</summary>
    /// <param name="channels">C_out, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels of the output, at least 1.</param>
    /// <param name="padding">How many pixels are cut off on each side of the output, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "up1", "up2", ...</param>
    public ConvTranspose2dLayer(long channels, long kernel, long stride = 1, long padding = 0, bool bias = true, string? name = null)
        : base(name) => (Channels, Kernel, Stride, Padding, Bias) = (channels, kernel, stride, padding, bias);

    /// <summary>C_out, the number of output channels.</summary>
    public long Channels { get; }

    /// <summary>The kernel's side in pixels.</summary>
    public long Kernel { get; }

    /// <summary>The step in pixels of the output.</summary>
    public long Stride { get; }

    /// <summary>How many pixels are cut off on each side of the output.</summary>
    public long Padding { get; }

    /// <summary>Whether each output channel has a bias.</summary>
    public bool Bias { get; }

    /// <inheritdoc/>
    public override string Kind => "ConvTranspose2d";

    /// <inheritdoc/>
    public override string NamePrefix => "up";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Channels >= 1, $"channels is {Channels}; it must be at least 1.");
        Require(Kernel >= 1, $"kernel is {Kernel}; it must be at least 1.");
        Require(Stride >= 1, $"stride is {Stride}; it must be at least 1.");
        Require(Padding >= 0, $"padding is {Padding}; it must be at least 0.");
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [Channels, OutputSide(input[1], "height"), OutputSide(input[2], "width")];
    }

    private long OutputSide(long side, string what)
    {
        var output = (side - 1) * Stride - 2 * Padding + Kernel;
        Require(output >= 1, $"the padding of {Padding} leaves nothing of the output's {what}.");
        return output;
    }

    // The gradient of a convolution: each output sums kernel^2 C_in / stride^2 inputs; PyTorch's own start counts C_out, by the
    // weight's second dimension, and so does this.
    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input)
    {
        var fanIn = checked(Channels * Kernel * Kernel);
        var weight = new ParameterSpecification("weight", [input[0], Channels, Kernel, Kernel], fanIn);
        return Bias ? [weight, new("bias", [Channels], fanIn)] : [weight];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => nn.functional.conv_transpose2d(
        input, parameters[0], Bias ? parameters[1] : null, [Stride, Stride], [Padding, Padding]);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        // On the meta device the constructor draws no start values, so the caller's random stream does not move.
        var module = nn.ConvTranspose2d(input[0], Channels, Kernel, Stride, Padding, bias: Bias, device: META);
        module.weight = Copied(parameters[0]);
        if (Bias)
            module.bias = Copied(parameters[1]);
        return module;
    }
}

/// <summary>Adds transposed convolutions to a target network.</summary>
public static class ConvTranspose2dLayerExtensions
{
    /// <summary>Appends a two-dimensional transposed convolution: (C_in, H, W) -> (channels, H', W').</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="channels">The number of output channels, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels of the output, at least 1.</param>
    /// <param name="padding">How many pixels are cut off on each side of the output, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "up1", "up2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image.</exception>
    public static TargetNetworkBuilder ConvTranspose2d(
        this TargetNetworkBuilder builder,
        long channels,
        long kernel,
        long stride = 1,
        long padding = 0,
        bool bias = true,
        string? name = null) =>
        builder.Add(new ConvTranspose2dLayer(channels, kernel, stride, padding, bias, name));
}
