using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A two-dimensional convolution with a square kernel: (N, C_in, H, W) -> (N, C_out, H', W'),
/// H' = (H + 2 padding - kernel) / stride + 1, rounded down.
/// </summary>
public sealed class Conv2dLayer : Layer
{
    /// <summary>Describes a convolution.</summary>
    /// <param name="channels">C_out, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1.</param>
    /// <param name="padding">How many zero pixels are added on each side, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "conv1", "conv2", ...</param>
    public Conv2dLayer(long channels, long kernel, long stride = 1, long padding = 0, bool bias = true, string? name = null)
        : base(name) => (Channels, Kernel, Stride, Padding, Bias) = (channels, kernel, stride, padding, bias);

    /// <summary>C_out, the number of output channels.</summary>
    public long Channels { get; }

    /// <summary>The kernel's side in pixels.</summary>
    public long Kernel { get; }

    /// <summary>The step in pixels.</summary>
    public long Stride { get; }

    /// <summary>How many zero pixels are added on each side.</summary>
    public long Padding { get; }

    /// <summary>Whether each output channel has a bias.</summary>
    public bool Bias { get; }

    /// <inheritdoc/>
    public override string Kind => "Conv2d";

    /// <inheritdoc/>
    public override string NamePrefix => "conv";

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
        var padded = side + 2 * Padding;
        Require(padded >= Kernel, $"the kernel of {Kernel} is larger than the padded {what} of {padded}.");
        return (padded - Kernel) / Stride + 1;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        WeightAndBias([Channels, input[0], Kernel, Kernel], checked(input[0] * Kernel * Kernel), Bias);

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.conv2d(input, parameters[0], Bias ? parameters[1] : null, [Stride, Stride], [Padding, Padding]);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        // On the meta device the constructor draws no start values, so the caller's random stream does not move.
        var module = nn.Conv2d(input[0], Channels, Kernel, Stride, Padding, bias: Bias, device: META);
        module.weight = Copied(parameters[0]);
        if (Bias)
            module.bias = Copied(parameters[1]);
        return module;
    }
}

/// <summary>Adds convolutions to a target network.</summary>
public static class Conv2dLayerExtensions
{
    /// <summary>Appends a two-dimensional convolution: (C_in, H, W) -> (channels, H', W').</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="channels">The number of output channels, at least 1.</param>
    /// <param name="kernel">The kernel's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1.</param>
    /// <param name="padding">How many zero pixels are added on each side, at least 0.</param>
    /// <param name="bias">Whether each output channel has a bias.</param>
    /// <param name="name">The layer's name, or null for "conv1", "conv2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image large enough.</exception>
    public static TargetNetworkBuilder Conv2d(
        this TargetNetworkBuilder builder,
        long channels,
        long kernel,
        long stride = 1,
        long padding = 0,
        bool bias = true,
        string? name = null) =>
        builder.Add(new Conv2dLayer(channels, kernel, stride, padding, bias, name));
}
