using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Reads image data sets.</summary>
public static class ImageDataset
{
    /// <summary>Grey images and their classes from a pair of IDX files.</summary>
    /// <param name="imagesPath">Unsigned bytes (N, height, width); plain or gzip.</param>
    /// <param name="labelsPath">Unsigned bytes (N); plain or gzip.</param>
    /// <param name="classNames">What the classes are called, by number.</param>
    /// <param name="mean">The mean of the pixels on the scale from 0 to 1, finite.</param>
    /// <param name="standardDeviation">The pixels' standard deviation on the same scale, above 0.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>Inputs (N, 1, height, width), float32: (byte / 255 - mean) / standard deviation. Labels (N), int64.</returns>
    /// <exception cref="DatasetFormatException">
    /// A file is damaged or of another rank, they hold no images or not equally many, or a label is outside the classes.
    /// </exception>
    /// <exception cref="ArgumentException">The mean, the standard deviation or the class names are unusable.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Dataset FromIdx(
        string imagesPath, string labelsPath, IReadOnlyList<string> classNames, double mean, double standardDeviation, ReadLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.Count == 0)
            throw new ArgumentException("There are no class names; at least one is needed.", nameof(classNames));
        if (!double.IsFinite(mean))
            throw new ArgumentOutOfRangeException(nameof(mean), mean, "The mean must be finite.");
        if (!(standardDeviation > 0 && double.IsFinite(standardDeviation)))
            throw new ArgumentOutOfRangeException(
                nameof(standardDeviation), standardDeviation, "The standard deviation must be finite and above 0.");

        var most = limits ?? ReadLimits.Default;
        var images = IdxFile.Read(imagesPath, limits);
        if ((long)images.Values.Length * sizeof(float) is var taken && taken > most.Bytes)
            throw new DatasetFormatException(
                imagesPath, $"has the shape {ShapeText.Of(images.Shape)}, {taken} bytes in single precision; at most {most.Bytes} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        var labels = IdxFile.Read(labelsPath, limits);
        Check(images, labels, classNames.Count);

        using var scope = NewDisposeScope();
        using var bytes = images.ToTensor();
        var pixels = bytes.unsqueeze(1).to(ScalarType.Float32);
        using var white = 255.ToScalar();
        using var middle = mean.ToScalar();
        using var deviation = standardDeviation.ToScalar();
        pixels.div_(white).sub_(middle).div_(deviation);
        return Dataset.FromTensors(pixels, labels.ToTensor().to(ScalarType.Int64), classNames);
    }

    private static void Check(IdxFile images, IdxFile labels, int classes)
    {
        if (images.Shape.Count != 3)
            throw new DatasetFormatException(
                images.FileName, $"has the shape {ShapeText.Of(images.Shape)}; images are (number, height, width).");
        if (labels.Shape.Count != 1)
            throw new DatasetFormatException(labels.FileName, $"has the shape {ShapeText.Of(labels.Shape)}; labels are (number).");
        if (images.Values.IsEmpty)
            throw new DatasetFormatException(images.FileName, $"has the shape {ShapeText.Of(images.Shape)}; it holds no image.");
        if (images.Shape[0] != labels.Shape[0])
            throw new DatasetFormatException(
                labels.FileName, $"holds {labels.Shape[0]} labels; '{images.FileName}' holds {images.Shape[0]} images.");
        var values = labels.Values.Span;
        for (var index = 0; index < values.Length; index++)
            if (values[index] >= classes)
                throw new DatasetFormatException(
                    labels.FileName, $"has the label {values[index]} at {index}; with {classes} classes it must be below {classes}.");
    }
}
