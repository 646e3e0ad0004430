using System.Buffers;

namespace MappingNets;

/// <summary>Images in folders, one folder for each class; they are read when a batch needs them.</summary>
public static class ImageFolder
{
    /// <summary>Opens a folder. Classes are its folders by name, images the PNG and JPEG files in them, also further below.</summary>
    /// <remarks>
    /// Hidden files and folders, whose names start with a dot, are left out. Links to files and to the classes' folders are followed,
    /// links to folders below these are not. Pixels are taken as they are stored: an EXIF orientation is not applied, transparency is
    /// dropped so that a pixel keeps its colour, 16 bits become 8, and a palette its colours.
    /// </remarks>
    /// <param name="folder">The folder of the classes' folders.</param>
    /// <param name="height">The height that every image is scaled to, at least 1.</param>
    /// <param name="width">The width that every image is scaled to, at least 1; channels x height x width at most 536,870,897.</param>
    /// <param name="channels">3 for colour, 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <param name="keepBytes">
    /// How much memory decoded pictures may take, channels x height x width bytes each: those that are read first stay until it is full, and
    /// are not read from their files again. 0 keeps none. A network of little arithmetic waits for files otherwise.
    /// </param>
    /// <returns>Inputs (channels, height, width). A damaged image is refused by name when its batch is asked for.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="DatasetFormatException">It has no class, or a class without images.</exception>
    /// <exception cref="ArgumentException">A size or scale is unusable.</exception>
    public static Dataset Open(
        string folder,
        int height,
        int width,
        int channels = 3,
        IReadOnlyList<double>? means = null,
        IReadOnlyList<double>? deviations = null,
        ReadLimits? limits = null,
        long keepBytes = 0) => OpenAs(folder, null, height, width, channels, means, deviations, limits, keepBytes);

    /// <summary>As <see cref="Open"/>, for classes that are known: a folder belongs to the class of its name, and not every class needs one.</summary>
    /// <param name="folder">As there.</param>
    /// <param name="classNames">The classes, by number; null for those whose folders there are.</param>
    /// <param name="height">As there.</param>
    /// <param name="width">As there.</param>
    /// <param name="channels">As there.</param>
    /// <param name="means">As there.</param>
    /// <param name="deviations">As there.</param>
    /// <param name="limits">As there.</param>
    /// <param name="keepBytes">As there.</param>
    /// <exception cref="DatasetFormatException">As there; or a folder has the name of no class.</exception>
    internal static Dataset OpenAs(
        string folder,
        IReadOnlyList<string>? classNames,
        int height,
        int width,
        int channels = 3,
        IReadOnlyList<double>? means = null,
        IReadOnlyList<double>? deviations = null,
        ReadLimits? limits = null,
        long keepBytes = 0)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfNegative(keepBytes);
        var scale = ColourScale.Of(channels, means, deviations);
        ImageFile.RequireSize(channels, height, width);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder '{folder}' does not exist.");
        var most = limits ?? ReadLimits.Default;
        var classes = ImageFile.FoldersIn(folder);
        if (classes.Length == 0)
            throw new DatasetFormatException(folder, "holds no folder; there must be one for each class.");
        string[] names = classNames is null ? [.. classes.Select(path => Path.GetFileName(path))] : [.. classNames];
        var images = classes.Select(path => (Path: path, Label: NumberOf(path, names)))
            .SelectMany(one => ImagesIn(one.Path).Select(image => (Path: image, one.Label))).ToArray();
        var kept = new KeptPictures(images.Length, keepBytes);
        return Dataset.FromWriter(
            [channels, height, width],
            names,
            [.. images.Select(image => image.Label)],
            (number, input) =>
            {
                if (kept.Find(number) is { } known)
                {
                    scale.Normalise(known, input);
                    return;
                }

                using var source = PictureSource.Of(images[number].Path);
                // Rented: large arrays for each picture would be the collector's work.
                var planes = ArrayPool<byte>.Shared.Rent(input.Length);
                try
                {
                    ImageFile.WriteColours(source, planes.AsSpan(0, input.Length), channels, height, width, most);
                    scale.Normalise(planes.AsSpan(0, input.Length), input);
                    kept.Offer(number, planes.AsSpan(0, input.Length));
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(planes);
                }
            });
    }

    private static long NumberOf(string folder, string[] names) => Array.IndexOf(names, Path.GetFileName(folder)) is >= 0 and var number
        ? number
        : throw new DatasetFormatException(folder, $"is the folder of no known class; these are {MessageText.Names(names)}.");

    private static string[] ImagesIn(string folder)
    {
        string[] images = [.. ImageFile.In(folder)];
        return images.Length > 0 ? images : throw new DatasetFormatException(folder, "is the folder of a class and holds no .png or .jpg.");
    }
}
