using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A folder of pictures and a folder of masks in which each pixel's grey value is its class; they are read when a batch needs them.
/// </summary>
public static class SegmentationFolder
{
    private const byte Unlabelled = 255;

    /// <summary>Opens the folders. Pictures are the PNG and JPEG files, also further below, in the order of their names.</summary>
    /// <remarks>Hidden files, links and pixels are treated as in <see cref="ImageFolder.Open"/>.</remarks>
    /// <param name="images">The folder of pictures.</param>
    /// <param name="masks">
    /// The folder of masks, PNG files of 8 bits grey and no other depth: for each picture one of the same path below it, up to the end of the file's name.
    /// </param>
    /// <param name="classNames">What the classes are called, by number; 1 to 256.</param>
    /// <param name="height">The height that pictures and masks are scaled to, at least 1; masks by the nearest pixel.</param>
    /// <param name="width">The width that they are scaled to, at least 1; channels x height x width at most 536,870,897.</param>
    /// <param name="ids">
    /// The grey value of each class, in the order of the names; all others are ignored. Where null, a class has its number, 255 is
    /// ignored, and any other value is refused.
    /// </param>
    /// <param name="imageEnd">How the names of pictures end, such as "_photo.png", and others are left out; null for any picture.</param>
    /// <param name="maskEnd">What the name of a mask has instead of that end, or of the extension.</param>
    /// <param name="channels">3 for colour, 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>
    /// Inputs (channels, height, width), labels (height, width): class numbers or <see cref="Dataset.IgnoredLabel"/>. A damaged file is
    /// refused by name when its batch is asked for.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">The folder of pictures is not there.</exception>
    /// <exception cref="DatasetFormatException">There is no picture, or one without a mask.</exception>
    /// <exception cref="ArgumentException">A size, a scale, the names or the ids are unusable.</exception>
    public static Dataset Open(
        string images,
        string masks,
        IReadOnlyList<string> classNames,
        int height,
        int width,
        IReadOnlyList<int>? ids = null,
        string? imageEnd = null,
        string maskEnd = ".png",
        int channels = 3,
        IReadOnlyList<double>? means = null,
        IReadOnlyList<double>? deviations = null,
        ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(images);
        ArgumentException.ThrowIfNullOrWhiteSpace(masks);
        ArgumentException.ThrowIfNullOrWhiteSpace(maskEnd);
        var scale = ColourScale.Of(channels, means, deviations);
        ImageFile.RequireSize(channels, height, width);
        var most = limits ?? ReadLimits.Default;
        var classOf = ClassOfEachValue(classNames, ids);
        if (!Directory.Exists(images))
            throw new DirectoryNotFoundException($"The folder '{images}' does not exist.");
        var pairs = ImageFile.In(images).Where(path => imageEnd is null || path.EndsWith(imageEnd, StringComparison.Ordinal))
            .Select(path => (Image: path, Mask: MaskOf(path, images, masks, imageEnd ?? Path.GetExtension(path), maskEnd))).ToArray();
        if (pairs.Length == 0)
            throw new DatasetFormatException(
                images, imageEnd is null ? "holds no .png or .jpg." : $"holds no file that ends in {imageEnd}.");
        return Dataset.FromSamples(pairs.Length, [channels, height, width], [height, width], [.. classNames], number =>
        {
            using var image = PictureSource.Of(pairs[number].Image);
            return (
                scale.Normalised(ImageFile.Colours(image, channels, height, width, most), [channels, height, width]),
                tensor(Labels(pairs[number].Mask, height, width, classOf, classNames.Count, most), [height, width], dtype: int64, device: CPU));
        });
    }

    /// <summary>The label of each grey value; null for one that no mask may hold.</summary>
    private static long?[] ClassOfEachValue(IReadOnlyList<string> classNames, IReadOnlyList<int>? ids)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.Count is < 1 or > 256)
            throw new ArgumentException($"There are {classNames.Count} class names; 1 to 256 are possible.", nameof(classNames));
        var labels = new long?[256];
        if (ids is null)
        {
            labels[Unlabelled] = Dataset.IgnoredLabel;
            for (var number = 0; number < classNames.Count; number++)
                labels[number] = number;
            return labels;
        }

        if (ids.Count != classNames.Count || ids.Distinct().Count() != ids.Count || ids.Any(id => id is < 0 or > 255))
            throw new ArgumentException(
                $"The ids are {string.Join(", ", ids)}; there must be one from 0 to 255 for each of {classNames.Count} classes, none twice.", nameof(ids));
        Array.Fill(labels, Dataset.IgnoredLabel);
        for (var number = 0; number < ids.Count; number++)
            labels[ids[number]] = number;
        return labels;
    }

    private static string MaskOf(string image, string images, string masks, string imageEnd, string maskEnd)
    {
        var path = Path.Combine(masks, Path.GetRelativePath(images, image)[..^imageEnd.Length] + maskEnd);
        return File.Exists(path) ? path : throw new DatasetFormatException(image, $"has no mask: there is no '{path}'.");
    }

    private static long[] Labels(string mask, int height, int width, long?[] classOf, int classes, ReadLimits limits)
    {
        using var source = PictureSource.Of(mask);
        return
        [
            .. ImageFile.Numbers(source, height, width, limits).Select(value => classOf[value] ?? throw new DatasetFormatException(
                mask, $"has a pixel of the value {value}; with {classes} classes it must be below {classes}, or {Unlabelled} to be ignored.")),
        ];
    }
}
