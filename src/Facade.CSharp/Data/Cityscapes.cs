using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Cityscapes: street scenes and, for each pixel, one of 19 classes or none. Layout as it is published:
/// leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png beside gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png. Read when a batch needs them.
/// </summary>
public static class Cityscapes
{
    private const string ImageEnd = "_leftImg8bit.png";
    private const string LabelEnd = "_gtFine_labelIds.png";

    // The ids of the 19 classes that are trained and judged; all other ids, also 255, are ignored.
    private static readonly (int Id, string Name)[] Classes =
    [
        (7, "road"), (8, "sidewalk"), (11, "building"), (12, "wall"), (13, "fence"), (17, "pole"), (19, "traffic light"),
        (20, "traffic sign"), (21, "vegetation"), (22, "terrain"), (23, "sky"), (24, "person"), (25, "rider"), (26, "car"),
        (27, "truck"), (28, "bus"), (31, "train"), (32, "motorcycle"), (33, "bicycle"),
    ];

    private static readonly long[] TrainIds =
        [.. Enumerable.Range(0, 256).Select(id => Array.FindIndex(Classes, known => known.Id == id) is >= 0 and var index ? index : Dataset.IgnoredLabel)];

    /// <summary>What the 19 classes are called, by training number.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = [.. Classes.Select(known => known.Name)];

    /// <summary>Opens one split.</summary>
    /// <param name="folder">The folder with leftImg8bit and gtFine.</param>
    /// <param name="split">"train", "val" or another folder of that layout.</param>
    /// <param name="height">The height that images and labels are scaled to, at least 1.</param>
    /// <param name="width">The width that images and labels are scaled to, at least 1.</param>
    /// <returns>
    /// Inputs (3, height, width) from -1 to 1, labels (height, width): 0 to 18, or <see cref="Dataset.IgnoredLabel"/>.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">The folder lacks the split; the message says which folder.</exception>
    /// <exception cref="DatasetFormatException">There is no image, or one without labels.</exception>
    public static Dataset Open(string folder, string split = "train", int height = 256, int width = 256)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(split);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        var images = Path.Combine(folder, "leftImg8bit", split);
        if (!Directory.Exists(images))
            throw new DirectoryNotFoundException($"The folder '{images}' does not exist.");
        var pairs = Directory.EnumerateFiles(images, "*" + ImageEnd, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(image => (Image: image, Labels: LabelsOf(image, images, Path.Combine(folder, "gtFine", split)))).ToArray();
        if (pairs.Length == 0)
            throw new DatasetFormatException(images, $"holds no file that ends in {ImageEnd}.");
        var scale = new ColourScale([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);
        return Dataset.FromSamples(pairs.Length, [3, height, width], [height, width], ClassNames, number => (
            scale.Normalised(ImageFile.Colours(pairs[number].Image, 3, height, width), [3, height, width]),
            tensor(
                ImageFile.Numbers(pairs[number].Labels, height, width).Select(id => TrainIds[id]).ToArray(), [height, width])));
    }

    private static string LabelsOf(string image, string images, string labels)
    {
        var relative = Path.GetRelativePath(images, image);
        var path = Path.Combine(labels, relative[..^ImageEnd.Length] + LabelEnd);
        return File.Exists(path) ? path : throw new DatasetFormatException(image, $"has no labels: there is no '{path}'.");
    }
}
