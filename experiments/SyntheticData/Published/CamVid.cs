using TorchSharp;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// CamVid: street scenes and, for each pixel, one of the classes that classes.txt names, a line each, or none (255). Layout:
/// images/SPLIT/NAME.jpg beside masks/SPLIT/NAME.png. Read when a batch needs them.
/// </summary>
public static class CamVid
{
    /// <summary>Opens one split, whole pictures.</summary>
    /// <param name="folder">The folder with images, masks and classes.txt.</param>
    /// <param name="split">"train", "val" or "test".</param>
    /// <param name="height">The height that pictures and masks are scaled to, at least 1.</param>
    /// <param name="width">The width that they are scaled to, at least 1.</param>
    /// <returns>Inputs (3, height, width) from -1 to 1, labels (height, width): class numbers, or <see cref="Dataset.IgnoredLabel"/>.</returns>
    /// <exception cref="FileNotFoundException">The folder lacks classes.txt.</exception>
    /// <exception cref="DirectoryNotFoundException">The folder lacks the split; the message says which folder.</exception>
    /// <exception cref="DatasetFormatException">No class is named, or there is no picture, or one without a mask.</exception>
    public static Dataset Open(string folder, string split, int height = 240, int width = 320)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(split);
        var names = Path.Combine(folder, "classes.txt");
        if (!File.Exists(names))
            throw new FileNotFoundException($"The folder '{folder}' lacks 'classes.txt', which names the classes in the order of their numbers.", names);
        string[] classes = [.. File.ReadLines(names).Select(line => line.Trim()).Where(line => line.Length > 0)];
        return classes.Length > 0
            ? SegmentationFolder.Open(Path.Combine(folder, "images", split), Path.Combine(folder, "masks", split), classes, height, width)
            : throw new DatasetFormatException(names, "names no class.");
    }

    /// <summary>The middles of pictures.</summary>
    /// <param name="scenes">Whole pictures with labels of pixels; they must live as long as the result.</param>
    /// <param name="height">The height that is kept, at most the pictures'.</param>
    /// <param name="width">The width that is kept, at most the pictures'.</param>
    /// <param name="every">How far the pictures that are taken lie apart, at least 1: 1 takes all of them, 2 the first, the third and so on.</param>
    public static Dataset Middles(Dataset scenes, int height, int width, int every = 1)
    {
        var (whole, across) = SizeOf(scenes, height, width);
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        return Dataset.FromSamples(
            (scenes.Count + every - 1) / every, [3, height, width], [height, width], scenes.ClassNames,
            number => Cut(scenes, number * every, (whole - height) / 2, (across - width) / 2, height, width));
    }

    /// <summary>
    /// Each picture as its four corners, one after another, so that a network that takes a part of a picture judges each pixel of the whole
    /// one once: each corner has the labels of its quarter of the picture, and the rest of it is ignored.
    /// </summary>
    /// <param name="scenes">Whole pictures with labels of pixels; they must live as long as the result.</param>
    /// <param name="height">A corner's height, at least half of the pictures' and at most all of it.</param>
    /// <param name="width">A corner's width, at least half of the pictures' and at most all of it.</param>
    public static Dataset Corners(Dataset scenes, int height, int width)
    {
        var (whole, across) = SizeOf(scenes, height, width);
        if (2 * height < whole || 2 * width < across)
            throw new ArgumentException($"Four corners of {height} x {width} pixels do not cover pictures of {whole} x {across}.");
        return Dataset.FromSamples(4 * scenes.Count, [3, height, width], [height, width], scenes.ClassNames, number =>
        {
            var (isLow, isRight) = (number % 4 >= 2, number % 2 == 1);
            var (top, left) = (isLow ? whole - height : 0, isRight ? across - width : 0);
            var (picture, labels) = Cut(scenes, number / 4, top, left, height, width);
            // The quarter in the corner's own rows and columns.
            var (firstRow, rows) = isLow ? ((whole / 2) - top, whole - (whole / 2)) : (0, whole / 2);
            var (firstColumn, columns) = isRight ? ((across / 2) - left, across - (across / 2)) : (0, across / 2);
            using var ignored = Dataset.IgnoredLabel.ToScalar();
            var judged = torch.full_like(labels, ignored);
            judged.narrow(0, firstRow, rows).narrow(1, firstColumn, columns)
                .copy_(labels.narrow(0, firstRow, rows).narrow(1, firstColumn, columns));
            return (picture, judged);
        });
    }

    private static (int Height, int Width) SizeOf(Dataset scenes, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(scenes);
        var (whole, across) = ((int)scenes.InputShape[1], (int)scenes.InputShape[2]);
        return height >= 1 && width >= 1 && height <= whole && width <= across
            ? (whole, across)
            : throw new ArgumentException($"{height} x {width} pixels cannot be cut out of pictures of {whole} x {across}.");
    }

    private static (torch.Tensor Picture, torch.Tensor Labels) Cut(Dataset scenes, int number, int top, int left, int height, int width)
    {
        using var one = scenes.Slice(number, 1);
        foreach (var batch in one.Batches(1, shuffle: false))
            return (
                batch.Inputs[0].narrow(1, top, height).narrow(2, left, width).clone(),
                batch.Targets[0].narrow(0, top, height).narrow(1, left, width).clone());
        throw new InvalidOperationException("A data set of one sample has no batch.");
    }
}
