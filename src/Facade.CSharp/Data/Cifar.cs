using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// CIFAR-10 and CIFAR-100 in their binary version: 32 x 32 colour images, a label byte (or two) and 3,072 pixel bytes each, red,
/// then green, then blue. The bytes stay in memory; floats are made batch by batch.
/// </summary>
public static class Cifar
{
    private const int Side = 32;
    private const int Pixels = 3 * Side * Side;

    /// <summary>The classes of CIFAR-10, by number.</summary>
    public static IReadOnlyList<string> ClassNames10 { get; } =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>The fine classes of CIFAR-100, by number.</summary>
    public static IReadOnlyList<string> ClassNames100 { get; } =
        (
            "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar "
            + "cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl "
            + "hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse "
            + "mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit "
            + "raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower "
            + "sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
        ).Split(' ');

    /// <summary>Opens CIFAR-10, normalised by the mean and deviation of each colour: inputs (3, 32, 32).</summary>
    /// <param name="folder">The folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="FileNotFoundException">The folder lacks a file; the message says which.</exception>
    /// <exception cref="DatasetFormatException">A file is no whole number of records, or has a label that is none.</exception>
    public static (Dataset Training, Dataset Test) Load10(string folder, ReadLimits? limits = null)
    {
        var scale = new ColourScale([0.4914f, 0.4822f, 0.4465f], [0.2470f, 0.2435f, 0.2616f]);
        string[] training = [.. Enumerable.Range(1, 5).Select(number => FileIn(folder, $"data_batch_{number}.bin"))];
        return (Open(training, 1, ClassNames10, scale, limits), Open([FileIn(folder, "test_batch.bin")], 1, ClassNames10, scale, limits));
    }

    /// <summary>Opens CIFAR-100 with its fine classes, normalised by the mean and deviation of each colour: inputs (3, 32, 32).</summary>
    /// <param name="folder">The folder with train.bin and test.bin.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="FileNotFoundException">The folder lacks a file; the message says which.</exception>
    /// <exception cref="DatasetFormatException">A file is no whole number of records, or has a label that is none.</exception>
    public static (Dataset Training, Dataset Test) Load100(string folder, ReadLimits? limits = null)
    {
        var scale = new ColourScale([0.5071f, 0.4865f, 0.4409f], [0.2673f, 0.2564f, 0.2762f]);
        var (training, test) = (FileIn(folder, "train.bin"), FileIn(folder, "test.bin"));
        return (Open([training], 2, ClassNames100, scale, limits), Open([test], 2, ClassNames100, scale, limits));
    }

    // The label that counts is the last before the pixels: CIFAR-100 has the coarse one first.
    private static Dataset Open(string[] paths, int labelBytes, IReadOnlyList<string> classNames, ColourScale scale, ReadLimits? limits)
    {
        var record = labelBytes + Pixels;
        var files = paths.Select(path => Records(path, record, labelBytes, classNames.Count, limits ?? ReadLimits.Default)).ToArray();
        var perFile = files.Select(file => file.Length / record).ToArray();
        return Dataset.FromSamples(perFile.Sum(), [3, Side, Side], [], classNames, number =>
        {
            var file = 0;
            while (number >= perFile[file])
                number -= perFile[file++];
            var bytes = files[file].AsSpan(number * record, record);
            return (scale.Normalised(bytes[labelBytes..], [3, Side, Side]), tensor((long)bytes[labelBytes - 1], dtype: int64, device: CPU));
        });
    }

    private static byte[] Records(string path, int record, int labelBytes, int classes, ReadLimits limits)
    {
        // Of the file that is opened: that of a link is the length of its text.
        using var stream = InputFile.Open(path);
        var length = stream.Length;
        if (length > Math.Min(Array.MaxLength, limits.Bytes))
            throw new DatasetFormatException(
                path, $"has {length} bytes; at most {Math.Min(Array.MaxLength, limits.Bytes)} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        if (length == 0 || length % record != 0)
            throw new DatasetFormatException(
                path, $"has {length} bytes; it must hold one or more whole records of {record} bytes.");
        var bytes = new byte[length];
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new DatasetFormatException(path, "changed while it was read.");
        for (var start = 0; start < bytes.Length; start += record)
            if (bytes[start + labelBytes - 1] is var label && label >= classes)
                throw new DatasetFormatException(path, $"has the label {label} in record {start / record}; it must be below {classes}.");
        return bytes;
    }

    private static string FileIn(string folder, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? path : throw new FileNotFoundException(
            $"The folder '{folder}' lacks '{name}'. Unpack the binary version of CIFAR into it.", path);
    }
}
