namespace MappingNets;

/// <summary>
/// What a file may cost a reader at most. Limits follow from these options and from what the caller asks for, never from what a file
/// claims about itself; a file beyond them is refused by name before its memory is taken.
/// </summary>
public sealed record ReadLimits
{
    private readonly long bytes = 4L << 30;
    private readonly long pixels = 50_000_000;
    private readonly long fixedWeightsBytes = 1_000_000_000;

    /// <summary>4 GiB, 50 million pixels (200 MB when decoded), and stored fixed weights of 1 GB.</summary>
    public static ReadLimits Default { get; } = new();

    /// <summary>
    /// The most bytes that one file's data may take in memory, unpacked; at least 1. The description of tensors, a safetensors header or an
    /// adapter's configuration, may have as many, and 1 MiB in any case.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public long Bytes
    {
        get => bytes;
        init => bytes = Positive(value, nameof(Bytes));
    }

    /// <summary>The most pixels that one image may have before it is scaled; at least 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public long Pixels
    {
        get => pixels;
        init => pixels = Positive(value, nameof(Pixels));
    }

    /// <summary>
    /// The most bytes that the stored matrix of dense fixed weights may take, 4 P d, when an adapter is loaded; at least 1. It bounds the
    /// QR decomposition that makes the matrix, about 4 P d^2 operations: minutes at the default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public long FixedWeightsBytes
    {
        get => fixedWeightsBytes;
        init => fixedWeightsBytes = Positive(value, nameof(FixedWeightsBytes));
    }

    private static long Positive(long value, string name) =>
        value >= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A limit must be at least 1.");
}
