using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MappingNets;

/// <summary>Changes as whole numbers of 32 bits, whose unit is the range divided by 2^30: their sums are exact.</summary>
internal static class WholeNumbers
{
    private const double Most = 1 << 30;

    /// <summary>A worker's weighted change, cut and with its share of the noise, as whole numbers.</summary>
    /// <param name="change">The change.</param>
    /// <param name="weight">The worker's share of the mean.</param>
    /// <param name="options">Range, clipping, noise and how many workers the run began with.</param>
    /// <param name="workers">How many of them are in the round, and share the noise.</param>
    /// <exception cref="InvalidOperationException">A number is out of range.</exception>
    public static byte[] From(float[] change, double weight, FederatedOptions options, int workers)
    {
        var length = Math.Sqrt(change.Sum(number => (double)number * number));
        var factor = options.ClipNorm is { } longest && length > longest ? longest / length : 1;
        var deviation = options.NoiseMultiplier is { } multiplier ? multiplier * options.ClipNorm!.Value * ShareOf(options.Workers, workers) : 0;
        var whole = new int[change.Length];
        for (var place = 0; place < whole.Length; place++)
        {
            var value = (change[place] * factor) + (deviation > 0 ? deviation * Normal() : 0);
            if (!(Math.Abs(value) <= options.Range))
                throw new InvalidOperationException(FormattableString.Invariant(
                    $"A trained parameter changed by {value:g4} in a round; {nameof(FederatedOptions.Range)} allows {options.Range:g4}. Raise it, or take fewer local steps."));
            whole[place] = (int)Math.Round(value * weight * Most / options.Range);
        }

        return MemoryMarshal.AsBytes(whole.AsSpan()).ToArray();
    }

    /// <summary>The mean change.</summary>
    public static float[] ToChange(byte[] sum, FederatedOptions options)
    {
        var whole = MemoryMarshal.Cast<byte, int>(sum.AsSpan());
        var change = new float[whole.Length];
        for (var place = 0; place < change.Length; place++)
            change[place] = (float)(whole[place] * options.Range / Most);
        return change;
    }

    // Each worker knows its own share of the noise and faces the shares of the rest. With all n workers a share is 1 / sqrt(n), so that all have the
    // deviation 1 and n - 1 of them the variance (n - 1) / n. In a round of fewer, m, the m - 1 that one faces have that variance too, on which
    // FederatedOptions.Epsilon counts; all m then have more than 1.
    private static double ShareOf(int all, int present) => present < 2 ? 1 : Math.Sqrt((all - 1.0) / all / (present - 1));

    // Box and Muller, from the system's generator: noise that could be repeated would hide nothing.
    private static double Normal()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        var (first, second) = (Uniform(BitConverter.ToUInt64(bytes)), Uniform(BitConverter.ToUInt64(bytes[8..])));
        return Math.Sqrt(-2 * Math.Log(first)) * Math.Cos(2 * Math.PI * second);
    }

    private static double Uniform(ulong bits) => ((bits >> 11) + 1) * (1.0 / (1L << 53));
}
