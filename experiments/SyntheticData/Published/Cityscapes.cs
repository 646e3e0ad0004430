namespace MappingNets.Experiments.SyntheticData;

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
        return SegmentationFolder.Open(
            Path.Combine(folder, "leftImg8bit", split),
            Path.Combine(folder, "gtFine", split),
            ClassNames,
            height,
            width,
            [.. Classes.Select(known => known.Id)],
            ImageEnd,
            LabelEnd);
    }
}
