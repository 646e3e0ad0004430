using SkiaSharp;

namespace MappingNets;

/// <summary>Decodes PNG and JPEG files to bytes of a wanted size.</summary>
internal static class ImageFile
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".png", ".jpg", ".jpeg" };

    /// <summary>The image files of a folder, also further below, in the order of their names.</summary>
    public static IEnumerable<string> In(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => Extensions.Contains(Path.GetExtension(path))).Order(StringComparer.Ordinal);

    /// <summary>Red, green and blue planes one after another, or one plane of grey, scaled smoothly.</summary>
    public static byte[] Colours(string path, int channels, int height, int width)
    {
        using var image = Decode(path, SKColorType.Rgba8888);
        using var scaled = Scaled(image, height, width, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear), path);
        var pixels = scaled.GetPixelSpan();
        var area = height * width;
        var planes = new byte[channels * area];
        for (var index = 0; index < area; index++)
        {
            var (red, green, blue) = (pixels[4 * index], pixels[4 * index + 1], pixels[4 * index + 2]);
            if (channels == 1)
            {
                // The luma of ITU-R BT.601, which PIL's "L" is too.
                planes[index] = (byte)((299 * red + 587 * green + 114 * blue + 500) / 1000);
                continue;
            }

            planes[index] = red;
            planes[area + index] = green;
            planes[2 * area + index] = blue;
        }

        return planes;
    }

    /// <summary>The bytes of an 8-bit grey image as they are, numbers rather than brightness; the nearest pixel where it is scaled.</summary>
    public static byte[] Numbers(string path, int height, int width)
    {
        using var image = Decode(path, SKColorType.Gray8);
        using var scaled = Scaled(image, height, width, new SKSamplingOptions(SKFilterMode.Nearest), path);
        return scaled.GetPixelSpan().ToArray();
    }

    private static SKBitmap Decode(string path, SKColorType type)
    {
        using var codec = SKCodec.Create(path) ?? throw new DatasetFormatException(path, "is no image that can be read.");
        if (type == SKColorType.Gray8 && codec.Info.ColorType != SKColorType.Gray8)
            throw new DatasetFormatException(path, $"is an image of {codec.Info.ColorType}; it must be 8-bit grey.");
        // Without a colour space nothing is converted: bytes stay what the file says.
        var bitmap = new SKBitmap(new SKImageInfo(
            codec.Info.Width, codec.Info.Height, type, type == SKColorType.Gray8 ? SKAlphaType.Opaque : SKAlphaType.Unpremul));
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result == SKCodecResult.Success)
            return bitmap;
        bitmap.Dispose();
        throw new DatasetFormatException(path, $"is a damaged image ({result}).");
    }

    private static SKBitmap Scaled(SKBitmap image, int height, int width, SKSamplingOptions sampling, string path) =>
        image.Width == width && image.Height == height && image.RowBytes == width * image.BytesPerPixel
            ? image.Copy()
            : image.Resize(new SKImageInfo(width, height, image.ColorType, image.AlphaType), sampling)
                ?? throw new DatasetFormatException(path, $"cannot be scaled to {width} x {height} pixels.");
}
