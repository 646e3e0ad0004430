using SkiaSharp;

namespace MappingNets;

/// <summary>Decodes PNG and JPEG files to bytes of a wanted size.</summary>
internal static class ImageFile
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".png", ".jpg", ".jpeg" };

    // Hidden files and folders are those of tools, such as the "._x.png" of macOS. Links to folders are not followed, so that none leads
    // in a circle; links to files are, and one that leads nowhere is refused by its name.
    private static readonly EnumerationOptions Visible = new()
    {
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        IgnoreInaccessible = false,
        MatchType = MatchType.Simple,
    };

    /// <summary>The folders in a folder that are not hidden, links to folders among them, in the order of their names.</summary>
    public static string[] FoldersIn(string folder) =>
        [.. Directory.EnumerateDirectories(folder, "*", Visible).Where(IsVisible).Order(StringComparer.Ordinal)];

    /// <summary>The image files of a folder, also further below, in the order of their names; no hidden ones.</summary>
    /// <exception cref="DatasetFormatException">A link leads nowhere.</exception>
    public static IEnumerable<string> In(string folder) => Below(folder).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Below(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*", Visible).Where(IsVisible))
            if (Extensions.Contains(Path.GetExtension(path)))
                yield return LeadsNowhere(path) ? throw new DatasetFormatException(path, "is a link to a file that is not there.") : path;
        foreach (var path in Directory.EnumerateDirectories(folder, "*", Visible).Where(IsVisible))
            if (new DirectoryInfo(path).LinkTarget is null)
                foreach (var deeper in Below(path))
                    yield return deeper;
    }

    // A link that leads nowhere counts as a file that exists.
    private static bool LeadsNowhere(string path) =>
        new FileInfo(path) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true };

    private static bool IsVisible(string path) => !Path.GetFileName(path).StartsWith('.');

    /// <summary>Refuses a size that is not positive, or whose numbers no array holds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The height or the width is below 1, or both together are too large.</exception>
    public static void RequireSize(int channels, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        // Three such factors may be beyond 64 bits. Floats of four bytes leave room for the four bytes of a decoded pixel too.
        if ((Int128)channels * height * width > Array.MaxLength / sizeof(float))
            throw new ArgumentOutOfRangeException(
                nameof(height),
                $"{height} x {width}",
                $"channels x height x width must be at most {Array.MaxLength / sizeof(float)}; there are {channels} channels.");
    }

    /// <summary>Red, green and blue planes one after another, or one plane of grey, scaled smoothly.</summary>
    public static byte[] Colours(PictureSource source, int channels, int height, int width, ReadLimits limits)
    {
        var planes = new byte[channels * height * width];
        WriteColours(source, planes, channels, height, width, limits);
        return planes;
    }

    /// <summary>Writes them into memory of their length.</summary>
    public static void WriteColours(PictureSource source, Span<byte> planes, int channels, int height, int width, ReadLimits limits)
    {
        using var image = Decode(source, SKColorType.Rgba8888, limits);
        using var scaled = Scaled(image, height, width, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear), source.Name);
        var pixels = scaled.GetPixelSpan();
        var area = height * width;
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
    }

    /// <summary>The bytes of an 8-bit grey image as they are, numbers rather than brightness; the nearest pixel where it is scaled.</summary>
    public static byte[] Numbers(PictureSource source, int height, int width, ReadLimits limits)
    {
        using var image = Decode(source, SKColorType.Gray8, limits);
        using var scaled = Scaled(image, height, width, new SKSamplingOptions(SKFilterMode.Nearest), source.Name);
        return scaled.GetPixelSpan().ToArray();
    }

    private static SKBitmap Decode(PictureSource source, SKColorType type, ReadLimits limits)
    {
        var path = source.Name;
        CheckFile(source, isMask: type == SKColorType.Gray8, limits);
        using var codec = source.Codec() ?? throw new DatasetFormatException(path, "is no image that can be read.");
        if (codec.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg))
            throw new DatasetFormatException(path, $"is a {codec.EncodedFormat} file, whatever its name; PNG and JPEG files are read.");
        if ((long)codec.Info.Width * codec.Info.Height > limits.Pixels)
            throw TooLarge(path, codec.Info.Width, codec.Info.Height, limits);
        if (type == SKColorType.Gray8 && codec.Info.ColorType != SKColorType.Gray8)
            throw new DatasetFormatException(path, $"is an image of {codec.Info.ColorType}; it must be 8-bit grey.");
        // Without a colour space nothing is converted: bytes stay what the file says.
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, type, type == SKColorType.Gray8 ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
        var bitmap = new SKBitmap();
        try
        {
            if (!bitmap.TryAllocPixels(info))
                throw new DatasetFormatException(path, $"cannot be decoded: there is no memory for its {info.Width} x {info.Height} pixels.");
            var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
            if (result != SKCodecResult.Success)
                throw new DatasetFormatException(path, $"is a damaged image ({result}).");
            return type == SKColorType.Gray8 ? bitmap : Opaque(bitmap);
        }
        catch
        {
            bitmap.Dispose();
            throw;
        }
    }

    // A pixel keeps its colour however transparent it is: only what is opaque is scaled without weighing colours by their alpha.
    private static SKBitmap Opaque(SKBitmap bitmap)
    {
        var pixels = bitmap.GetPixelSpan();
        for (var index = 3; index < pixels.Length; index += 4)
            pixels[index] = byte.MaxValue;
        return bitmap;
    }

    private static void CheckFile(PictureSource source, bool isMask, ReadLimits limits)
    {
        var (path, length) = (source.Name, source.Length);
        if (length > limits.Bytes)
            throw new DatasetFormatException(
                path, $"has {length} bytes; at most {limits.Bytes} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        if (source.Header() is not { } header)
        {
            // A JPEG's numbers are only about those that were stored.
            if (isMask)
                throw new DatasetFormatException(path, "is no PNG file; a mask must be an 8-bit grey one.");
            return;
        }

        if ((UInt128)header.Width * header.Height > (UInt128)limits.Pixels)
            throw TooLarge(path, header.Width, header.Height, limits);
        if (!header.FitsInto(length))
            throw new DatasetFormatException(
                path, $"announces {header.Width} x {header.Height} pixels, more than its {length} bytes can hold: it is damaged.");
        // Fewer bits would be stretched to 8 and more be cut to them, and a class become another.
        if (isMask && header is not { BitDepth: 8, ColourType: 0 })
            throw new DatasetFormatException(path, $"is a {header} PNG; a mask must be 8-bit grey.");
    }

    private static DatasetFormatException TooLarge(string path, long width, long height, ReadLimits limits) => new(
        path, $"announces {width} x {height} pixels; at most {limits.Pixels} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Pixels)}).");

    // The image itself where it has the size: a copy would be in memory besides.
    private static SKBitmap Scaled(SKBitmap image, int height, int width, SKSamplingOptions sampling, string path) =>
        image.Width == width && image.Height == height && image.RowBytes == width * image.BytesPerPixel
            ? image
            : image.Resize(new SKImageInfo(width, height, image.ColorType, image.AlphaType), sampling)
                ?? throw new DatasetFormatException(path, $"cannot be scaled to {width} x {height} pixels.");
}
