using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MappingNets;

/// <summary>Changes as whole numbers of 32 bits, whose unit is the range divided by 2^30: their sums are exact.</summary>
internal static class WholeNumbers
{
    // What a change and its noise may be together, in ranges. Under noise all m workers weigh 1 / m, so that their whole numbers add up to 1.99 times 2^30
    // at most, and m / 2 by rounding: for up to 20 million workers that is below 2^31, where a sum of 32 bits would turn its sign.
    private const double MostUnderNoise = 1.99;

    private const double Most = 1 << 30;

    /// <summary>A worker's weighted change, cut and with its share of the noise, as whole numbers.</summary>
    /// <param name="change">The change.</param>
    /// <param name="weight">The worker's share of the mean.</param>
    /// <param name="options">Range, clipping, noise and how many workers the run began with.</param>
    /// <param name="workers">How many of them are in the round, and share the noise.</param>
    /// <exception cref="InvalidOperationException">A number of the change is out of range, or by much with its noise.</exception>
    public static byte[] From(float[] change, double weight, FederatedOptions options, int workers)
    {
        var length = Math.Sqrt(change.Sum(number => (double)number * number));
        var factor = options.ClipNorm is { } longest && length > longest ? longest / length : 1;
        var deviation = options.NoiseMultiplier is { } multiplier ? multiplier * options.ClipNorm!.Value * ShareOf(options.Workers, workers) : 0;
        var whole = new int[change.Length];
        for (var place = 0; place < whole.Length; place++)
        {
            var value = change[place] * factor;
            if (!(Math.Abs(value) <= options.Range))
                throw new InvalidOperationException(FormattableString.Invariant(
                    $"A trained parameter changed by {value:g4} in a round; {nameof(FederatedOptions.Range)} allows {options.Range:g4}. Raise it, or take fewer local steps."));
            if (deviation > 0)
                value = WithNoise(value, deviation, options);
            whole[place] = Whole(value, weight, options);
        }

        return MemoryMarshal.AsBytes(whole.AsSpan()).ToArray();
    }

    /// <summary>A number that is sent.</summary>
    /// <param name="value">A change with its noise.</param>
    /// <param name="weight">The worker's share of the mean.</param>
    /// <param name="options">The range.</param>
    internal static int Whole(double value, double weight, FederatedOptions options) => (int)Math.Round(value * weight * Most / options.Range);

    /// <summary>The mean change.</summary>
    public static float[] ToChange(byte[] sum, FederatedOptions options)
    {
        var whole = MemoryMarshal.Cast<byte, int>(sum.AsSpan());
        var change = new float[whole.Length];
        for (var place = 0; place < change.Length; place++)
            change[place] = (float)(whole[place] * options.Range / Most);
        return change;
    }

    private static double WithNoise(double change, double deviation, FederatedOptions options)
    {
        var value = change + (deviation * Normal());
        if (Math.Abs(value) <= MostUnderNoise * options.Range)
            return value;
        // Where one worker is left its share is the whole noise; 8 deviations are not met by chance.
        var enough = options.ClipNorm!.Value * (1 + (4 * options.NoiseMultiplier!.Value));
        throw new InvalidOperationException(FormattableString.Invariant(
            $"A trained parameter's change of {change:g4} has become {value:g4} by its noise, of the deviation {deviation:g4} in this round; {nameof(FederatedOptions.Range)} allows {options.Range:g4}, and {MostUnderNoise} times that with noise. Raise it for all workers; {enough:g4} is enough."));
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
