using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Images in folders, one folder for each class; they are read when a batch needs them.</summary>
public static class ImageFolder
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".png", ".jpg", ".jpeg" };

    /// <summary>Opens a folder. Classes are its folders by name, images the PNG and JPEG files in them, also further below.</summary>
    /// <param name="folder">The folder of the classes' folders.</param>
    /// <param name="height">The height that every image is scaled to, at least 1.</param>
    /// <param name="width">The width that every image is scaled to, at least 1.</param>
    /// <param name="channels">3 for colour, 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
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
        IReadOnlyList<double>? deviations = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "There are 3 channels for colour or 1 for grey.");
        var scale = new ColourScale(
            Checked(means, channels, nameof(means), double.IsFinite),
            Checked(deviations, channels, nameof(deviations), value => value > 0 && double.IsFinite(value)));
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder '{folder}' does not exist.");
        string[] classes = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
            throw new DatasetFormatException(folder, "holds no folder; there must be one for each class.");
        var images = classes.SelectMany((path, label) => ImagesIn(path).Select(image => (Path: image, Label: (long)label))).ToArray();
        return Dataset.FromSamples(
            images.Length,
            [channels, height, width],
            [],
            [.. classes.Select(path => Path.GetFileName(path))],
            number => (
                scale.Normalised(ImageFile.Colours(images[number].Path, channels, height, width), [channels, height, width]),
                tensor(images[number].Label)));
    }

    private static string[] ImagesIn(string folder)
    {
        string[] images =
        [
            .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(path => Extensions.Contains(Path.GetExtension(path))).Order(StringComparer.Ordinal),
        ];
        return images.Length > 0 ? images : throw new DatasetFormatException(folder, "is the folder of a class and holds no .png or .jpg.");
    }

    internal static float[] Checked(IReadOnlyList<double>? values, int channels, string argument, Func<double, bool> isUsable)
    {
        if (values is null)
            return [.. Enumerable.Repeat(0.5f, channels)];
        if (values.Count != channels || !values.All(isUsable))
            throw new ArgumentException(
                $"The {argument} are {string.Join(", ", values)}; there must be a usable one for each of {channels} channels.", argument);
        return [.. values.Select(value => (float)value)];
    }
}
