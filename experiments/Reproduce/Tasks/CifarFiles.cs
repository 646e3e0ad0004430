namespace MappingNets.Experiments.Reproduce;

/// <summary>CIFAR in a folder: the binary files as they are published, or CIFAR-10 as picture files.</summary>
internal static class CifarFiles
{
    /// <summary>The pixels of a side.</summary>
    public const int Side = 32;

    /// <summary>Decoded pictures that stay in memory: all of CIFAR-10, 184 MB.</summary>
    private const long KeptBytes = 1 << 28;

    // The scale of the binary files' loader.
    private static readonly double[] Means = [0.4914, 0.4822, 0.4465];
    private static readonly double[] Deviations = [0.2470, 0.2435, 0.2616];

    /// <summary>Whether a folder holds train/CLASS and test/CLASS with pictures.</summary>
    /// <param name="folder">The folder.</param>
    public static bool ArePictures(string folder) => Directory.Exists(Path.Combine(folder, "train")) && Directory.Exists(Path.Combine(folder, "test"));

    /// <summary>Opens both parts: inputs (3, 32, 32), normalised by the mean and deviation of each colour.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">The pictures' classes are not those of CIFAR-10.</exception>
    /// <exception cref="FileNotFoundException">It has neither pictures nor the binary files.</exception>
    public static (Dataset Training, Dataset Test) Open(string folder)
    {
        if (ArePictures(folder))
            return (Pictures(Path.Combine(folder, "train")), Pictures(Path.Combine(folder, "test")));
        return Is100(folder) ? Cifar.Load100(folder) : Cifar.Load10(folder);
    }

    /// <summary>Whether a folder holds the binary files of CIFAR-100.</summary>
    /// <param name="folder">The folder.</param>
    public static bool Is100(string folder) => File.Exists(Path.Combine(folder, "train.bin"));

    private static Dataset Pictures(string folder)
    {
        var pictures = ImageFolder.Open(folder, Side, Side, channels: 3, Means, Deviations, keepBytes: KeptBytes);
        return pictures.ClassNames.SequenceEqual(Cifar.ClassNames10)
            ? pictures
            : throw new InvalidDataException(
                $"'{folder}' has the classes {string.Join(", ", pictures.ClassNames)}; CIFAR-10 has {string.Join(", ", Cifar.ClassNames10)}.");
    }
}
