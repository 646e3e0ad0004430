using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The largest pixel of each square window: (N, C, H, W) -> (N, C, H', W'),
/// H' = (H + 2 padding - window) / stride + 1, rounded down.
/// </summary>
public sealed class MaxPool2dLayer : Layer
{
    /// <summary>Describes a max pooling.</summary>
    /// <param name="window">The window's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1; null is the window's side.</param>
    /// <param name="padding">How many pixels that never win are added on each side: 0 to half the window.</param>
    /// <param name="name">The layer's name, or null for "pool1", "pool2", ...</param>
    public MaxPool2dLayer(long window, long? stride = null, long padding = 0, string? name = null)
        : base(name) => (Window, Stride, Padding) = (window, stride ?? window, padding);

    /// <summary>The window's side in pixels.</summary>
    public long Window { get; }

    /// <summary>The step in pixels.</summary>
    public long Stride { get; }

    /// <summary>How many pixels are added on each side.</summary>
    public long Padding { get; }

    /// <inheritdoc/>
    public override string Kind => "MaxPool2d";

    /// <inheritdoc/>
    public override string NamePrefix => "pool";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Window >= 1, $"window is {Window}; it must be at least 1.");
        Require(Stride >= 1, $"stride is {Stride}; it must be at least 1.");
        Require(Padding >= 0 && Padding <= Window / 2, $"padding is {Padding}; it must lie between 0 and half the window, {Window / 2}.");
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return [input[0], OutputSide(input[1], "height"), OutputSide(input[2], "width")];
    }

    private long OutputSide(long side, string what)
    {
        var padded = side + 2 * Padding;
        Require(padded >= Window, $"the window of {Window} is larger than the padded {what} of {padded}.");
        return (padded - Window) / Stride + 1;
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.max_pool2d(input, Window, Stride, Padding);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.MaxPool2d(Window, Stride, Padding);
}

/// <summary>Adds max poolings to a target network.</summary>
public static class MaxPool2dLayerExtensions
{
    /// <summary>Appends a max pooling: (C, H, W) -> (C, H', W').</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="window">The window's side in pixels, at least 1.</param>
    /// <param name="stride">The step in pixels, at least 1; null is the window's side.</param>
    /// <param name="padding">How many pixels that never win are added on each side: 0 to half the window.</param>
    /// <param name="name">The layer's name, or null for "pool1", "pool2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image large enough.</exception>
    public static TargetNetworkBuilder MaxPool2d(
        this TargetNetworkBuilder builder, long window, long? stride = null, long padding = 0, string? name = null) =>
        builder.Add(new MaxPool2dLayer(window, stride, padding, name));
}
