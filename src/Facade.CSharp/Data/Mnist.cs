namespace MappingNets;

/// <summary>MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 grey pixels, ten classes.</summary>
public static class Mnist
{
    /// <summary>The environment variable that names the folder with the four IDX files.</summary>
    public const string FolderVariable = "MAPPINGNETS_MNIST";

    /// <summary>The mean of the training pixels on the scale from 0 to 1.</summary>
    public const double Mean = 0.1307;

    /// <summary>The standard deviation of the training pixels on the same scale.</summary>
    public const double StandardDeviation = 0.3081;

    internal static readonly IdxFolder Files = new("MNIST", FolderVariable, null, null);

    /// <summary>What the classes are called, by number.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

    /// <summary>Loads both parts, normalised: inputs (N, 1, 28, 28) float32, labels (N) int64.</summary>
    /// <param name="folder">The folder with the four IDX files, plain or gzip; null looks at <see cref="FolderVariable"/>.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder; the message says what to do.</exception>
    /// <exception cref="FileNotFoundException">The folder lacks a file; the message says which.</exception>
    /// <exception cref="DatasetFormatException">A file is damaged or foreign.</exception>
    public static (Dataset Training, Dataset Test) Load(string? folder = null, ReadLimits? limits = null) =>
        Files.Load(folder, ClassNames, Mean, StandardDeviation, limits);
}
