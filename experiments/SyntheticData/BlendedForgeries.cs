using SkiaSharp;
using TorchSharp;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// Forged pictures made of real ones, as self-blended images are made of faces (Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended
/// Images", CVPR 2022), without faces: a patch of another picture, in the colours of the place that it covers, is blended in,
/// <code>
/// forged = m * matched(donor) + (1 - m) * host,    matched(x) = (x - mean_donor) * deviation_host / deviation_donor + mean_host,
/// </code>
/// m a soft ellipse, means and deviations those of each colour under it. Forged and real pictures are then stored as JPEG alike, so that no trace
/// of a file tells them apart.
/// </summary>
public static class BlendedForgeries
{
    /// <summary>The classes.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = ["real", "forged"];

    /// <summary>The quality of the JPEG files that all pictures go through.</summary>
    public const int Quality = 90;

    /// <summary>The most by which the donor's contrast is raised to that of the host.</summary>
    private const double MostContrast = 3;

    /// <summary>Pictures of which every second one is forged, made when a batch needs them.</summary>
    /// <param name="pictures">At least 2, of the shape (3, height, width), 0 to 255; they must live as long as the result.</param>
    /// <param name="seed">Any seed; the same one forges alike.</param>
    /// <returns>Inputs (3, height, width), 0 to 255; class 1 is forged. A donor is another one of the same pictures.</returns>
    /// <exception cref="ArgumentException">There are fewer pictures than 2, or they have no three colours.</exception>
    public static Dataset Of(Dataset pictures, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.Count < 2 || pictures.InputShape is not [3, var height, var width])
            throw new ArgumentException("Forging takes at least two pictures of three colours.", nameof(pictures));
        long[] labels = [.. Enumerable.Range(0, pictures.Count).Select(number => number % 2L)];
        return Dataset.FromSamples(
            pictures.Count, [3, height, width], [], ClassNames,
            number =>
            {
                var picture = Pixels(pictures, number);
                if (labels[number] == 1)
                {
                    var random = new SyntheticRandom(seed, FormattableString.Invariant($"forgery {number}"));
                    var donor = Pixels(pictures, (number + 1 + random.Below(pictures.Count - 1)) % pictures.Count);
                    picture = Forged(picture, donor, (int)height, (int)width, random);
                }

                return (torch.tensor(Stored(picture, (int)height, (int)width), [3, height, width]), torch.tensor(labels[number], dtype: torch.int64));
            },
            labels: labels);
    }

    /// <summary>A host with a patch of a donor, both red, green and blue planes, 0 to 255.</summary>
    internal static float[] Forged(float[] host, float[] donor, int height, int width, SyntheticRandom random)
    {
        var mask = SoftEllipse(height, width, random);
        var forged = new float[host.Length];
        for (var start = 0; start < host.Length; start += mask.Length)
        {
            var (hostMean, hostDeviation) = Under(mask, host.AsSpan(start, mask.Length));
            var (donorMean, donorDeviation) = Under(mask, donor.AsSpan(start, mask.Length));
            var contrast = Math.Min(MostContrast, hostDeviation / Math.Max(1e-3, donorDeviation));
            for (var place = 0; place < mask.Length; place++)
            {
                var matched = ((donor[start + place] - donorMean) * contrast) + hostMean;
                forged[start + place] = (float)Math.Clamp((mask[place] * matched) + ((1 - mask[place]) * host[start + place]), 0, 255);
            }
        }

        return forged;
    }

    /// <summary>1 inside, 0 outside, a smooth step between: (height, width), row by row.</summary>
    private static double[] SoftEllipse(int height, int width, SyntheticRandom random)
    {
        var (middleY, middleX) = (random.Between(0.3, 0.7) * height, random.Between(0.3, 0.7) * width);
        var (radiusY, radiusX) = (random.Between(0.18, 0.35) * height, random.Between(0.18, 0.35) * width);
        var softness = random.Between(0.15, 0.5);
        var mask = new double[height * width];
        for (var place = 0; place < mask.Length; place++)
        {
            var (y, x) = (((place / width) + 0.5 - middleY) / radiusY, ((place % width) + 0.5 - middleX) / radiusX);
            var inside = Math.Clamp((1 + (softness / 2) - Math.Sqrt((y * y) + (x * x))) / softness, 0, 1);
            mask[place] = inside * inside * (3 - (2 * inside));
        }

        return mask;
    }

    private static (double Mean, double Deviation) Under(double[] mask, ReadOnlySpan<float> plane)
    {
        double weight = 1e-9, sum = 0, squares = 0;
        for (var place = 0; place < mask.Length; place++)
        {
            weight += mask[place];
            sum += mask[place] * plane[place];
            squares += mask[place] * plane[place] * plane[place];
        }

        var mean = sum / weight;
        return (mean, Math.Sqrt(Math.Max(0, (squares / weight) - (mean * mean))));
    }

    private static float[] Pixels(Dataset pictures, int number)
    {
        using var one = pictures.Slice(number, 1);
        foreach (var batch in one.Batches(1, shuffle: false))
            return batch.Inputs.data<float>().ToArray();
        throw new InvalidOperationException("A data set of one sample has no batch.");
    }

    /// <summary>The pixels after they were a JPEG file.</summary>
    private static float[] Stored(float[] planes, int height, int width)
    {
        var area = height * width;
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.Pixels =
        [
            .. Enumerable.Range(0, area).Select(place => new SKColor(Byte(planes[place]), Byte(planes[area + place]), Byte(planes[(2 * area) + place]))),
        ];
        using var file = bitmap.Encode(SKEncodedImageFormat.Jpeg, Quality);
        using var decoded = SKBitmap.Decode(file);
        var pixels = decoded.Pixels;
        return [.. pixels.Select(pixel => (float)pixel.Red), .. pixels.Select(pixel => (float)pixel.Green), .. pixels.Select(pixel => (float)pixel.Blue)];

        static byte Byte(float value) => (byte)Math.Clamp(Math.Round(value), 0, 255);
    }
}
