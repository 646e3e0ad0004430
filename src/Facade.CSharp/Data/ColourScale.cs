using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How bytes of colour become numbers: (byte / 255 - mean) / deviation, for each channel.</summary>
internal sealed record ColourScale(float[] Means, float[] Deviations)
{
    /// <summary>The scale that a caller's numbers mean.</summary>
    /// <param name="channels">3 for colour or 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
    /// <exception cref="ArgumentException">A number is unusable.</exception>
    public static ColourScale Of(int channels, IReadOnlyList<double>? means, IReadOnlyList<double>? deviations)
    {
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "There are 3 channels for colour or 1 for grey.");
        return new(
            Checked(means, channels, nameof(means), double.IsFinite),
            Checked(deviations, channels, nameof(deviations), value => value > 0 && double.IsFinite(value)));
    }

    /// <summary>One channel after another, as many as there are means, in a tensor of a shape.</summary>
    public Tensor Normalised(ReadOnlySpan<byte> planes, long[] shape)
    {
        var values = empty(planes.Length, float32, device: CPU);
        var done = 0;
        foreach (var part in TensorBytes.Parts(values))
        {
            var some = MemoryMarshal.Cast<byte, float>(part.bytes);
            Normalise(planes.Slice(done, some.Length), done, planes.Length / Means.Length, some);
            done += some.Length;
        }

        return values.view(shape);
    }

    /// <summary>One channel after another, as many as there are means, into a tensor's memory.</summary>
    public void Normalise(ReadOnlySpan<byte> planes, Span<float> values) => Normalise(planes, 0, planes.Length / Means.Length, values);

    // Some bytes of all planes, the first of them at a place.
    private void Normalise(ReadOnlySpan<byte> bytes, int first, int plane, Span<float> values)
    {
        for (var index = 0; index < bytes.Length;)
        {
            var channel = (first + index) / plane;
            var end = Math.Min(bytes.Length, (channel + 1) * plane - first);
            var (factor, offset) = (1 / (255 * Deviations[channel]), Means[channel] / Deviations[channel]);
            for (; index < end; index++)
                values[index] = bytes[index] * factor - offset;
        }
    }

    private static float[] Checked(IReadOnlyList<double>? values, int channels, string argument, Func<double, bool> isUsable)
    {
        if (values is null)
            return [.. Enumerable.Repeat(0.5f, channels)];
        if (values.Count != channels || !values.All(isUsable))
            throw new ArgumentException(
                $"The {argument} are {string.Join(", ", values.Select(value => value.ToString(CultureInfo.InvariantCulture)))}; there must be a usable one for each of {channels} channels.", argument);
        return [.. values.Select(value => (float)value)];
    }
}
