namespace MappingNets;

/// <summary>A square window that moves over an image, as convolutions and poolings have it.</summary>
/// <param name="What">Its name in messages: "kernel" or "window".</param>
/// <param name="Side">Its side in pixels.</param>
/// <param name="Stride">The step in pixels.</param>
/// <param name="Padding">How many pixels are added on each side of the image.</param>
internal readonly record struct SlidingWindow(string What, long Side, long Stride, long Padding)
{
    /// <summary>The output's height and width for an image (channels, height, width).</summary>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image large enough; the bare reason.</exception>
    public (long Height, long Width) Over(IReadOnlyList<long> image)
    {
        Require(Side >= 1, $"{What} is {Side}; it must be at least 1.");
        Require(Stride >= 1, $"stride is {Stride}; it must be at least 1.");
        Require(Padding >= 0, $"padding is {Padding}; it must be at least 0.");
        Require(image.Count == 3, "it needs an image of shape (channels, height, width).");
        return (Places(image[1], "height"), Places(image[2], "width"));
    }

    /// <summary>The same for a pooling, where a window must not lie in the padding alone.</summary>
    public (long Height, long Width) OverHalfPadded(IReadOnlyList<long> image)
    {
        Require(
            Side < 1 || (Padding >= 0 && Padding <= Side / 2),
            $"padding is {Padding}; it must lie between 0 and half the {What}, {Side / 2}.");
        return Over(image);
    }

    private long Places(long size, string name)
    {
        var padded = checked(size + 2 * Padding);
        Require(padded >= Side, $"the {What} of {Side} is larger than the padded {name} of {padded}.");
        return (padded - Side) / Stride + 1;
    }

    private static void Require(bool condition, string reason)
    {
        if (!condition)
            throw new ArgumentException(reason);
    }
}
