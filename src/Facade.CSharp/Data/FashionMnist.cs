namespace MappingNets;

/// <summary>FashionMNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 grey pixels, ten classes.</summary>
public static class FashionMnist
{
    /// <summary>The environment variable that names the folder with the four IDX files.</summary>
    public const string FolderVariable = "MAPPINGNETS_FASHION_MNIST";

    /// <summary>Where the Debian package dataset-fashion-mnist puts the files.</summary>
    public const string DebianFolder = "/usr/share/datasets/fashion-mnist";

    /// <summary>The mean of the training pixels on the scale from 0 to 1.</summary>
    public const double Mean = 0.2860;

    /// <summary>The standard deviation of the training pixels on the same scale.</summary>
    public const double StandardDeviation = 0.3530;

    internal static readonly IdxFolder Files = new(
        "FashionMNIST",
        FolderVariable,
        DebianFolder,
        "On Debian and Ubuntu, install the package dataset-fashion-mnist (sudo apt-get install dataset-fashion-mnist).");

    /// <summary>What the classes are called, by number.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>Loads both parts, normalised: inputs (N, 1, 28, 28) float32, labels (N) int64.</summary>
    /// <param name="folder">
    /// The folder with the four IDX files, plain or gzip; null looks at <see cref="FolderVariable"/>, then at
    /// <see cref="DebianFolder"/>.
    /// </param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder; the message says what to do.</exception>
    /// <exception cref="FileNotFoundException">The folder lacks a file; the message says which.</exception>
    /// <exception cref="DatasetFormatException">A file is damaged or foreign.</exception>
    public static (Dataset Training, Dataset Test) Load(string? folder = null, ReadLimits? limits = null) =>
        Files.Load(folder, ClassNames, Mean, StandardDeviation, limits);
}
