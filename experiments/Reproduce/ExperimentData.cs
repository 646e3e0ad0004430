namespace MappingNets.Experiments.Reproduce;

/// <summary>The parts of a data set that an experiment works with.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="HeldOut">Held out of the training set: every choice is made here.</param>
/// <param name="Test">Looked at at the end.</param>
internal sealed record ExperimentData(Dataset Training, Dataset HeldOut, Dataset Test) : IDisposable
{
    /// <summary>Where it comes from; null for what --dataset says.</summary>
    public DataSource? Source { get; init; }

    /// <summary>What the training part is drawn from by the seed, not owned; null where all seeds have the same training part.</summary>
    public Dataset? DrawnFrom { get; init; }

    /// <summary>What pictures of outputs show, where the test set is in pieces; null for the test set.</summary>
    public Dataset? Shown { get; init; }

    private const int HeldOutCount = 5_000;
    private const int QuickTraining = 6_000;
    private const int QuickHeldOut = 2_000;
    private const int QuickTest = 5_000;
    private const string MnistFolder = "mnist:";

    /// <summary>Loads and splits the data set that the options name.</summary>
    /// <param name="options">The options.</param>
    public static ExperimentData Load(ExperimentOptions options)
    {
        Dataset First(Dataset data, int count) => data.Take(options.Quick ? Math.Min(count, data.Count) : data.Count);

        var (training, test) = options.Dataset switch
        {
            "fashion-mnist" => MappingNets.FashionMnist.Load(),
            "mnist" => MappingNets.Mnist.Load(),
            var named when named.StartsWith(MnistFolder, StringComparison.Ordinal) => MappingNets.Mnist.Load(Existing(named[MnistFolder.Length..], named)),
            var folder => MappingNets.FashionMnist.Load(Existing(folder, folder)),
        };
        using (training)
        using (test)
        {
            // One split for all seeds, so that they differ in training alone.
            var (kept, heldOut) = training.SplitHoldOut(HeldOutCount, 0);
            using (kept)
            using (heldOut)
                // Slices keep the memory that they share alive.
                return new(First(kept, QuickTraining), First(heldOut, QuickHeldOut), First(test, QuickTest));
        }
    }

    private static string Existing(string folder, string dataset) => Directory.Exists(folder)
        ? folder
        : throw new DirectoryNotFoundException(
            $"--dataset takes fashion-mnist, mnist, mnist:FOLDER or a folder with the four IDX files; '{dataset}' names none that is there.");

    /// <inheritdoc/>
    public void Dispose()
    {
        Training.Dispose();
        HeldOut.Dispose();
        Test.Dispose();
        Shown?.Dispose();
    }
}
