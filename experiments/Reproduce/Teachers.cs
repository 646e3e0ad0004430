namespace MappingNets.Experiments.Reproduce;

/// <summary>Directly trained CNN1s and CNN2s that teach the rows which are distilled, having seen the same images as they.</summary>
internal static class Teachers
{
    /// <summary>Softens outputs; 4 did worse on held-out images.</summary>
    public const double Temperature = 2;

    /// <summary>No run's seeds, so that no teacher is one of the table's own networks.</summary>
    private static readonly ulong[] Seeds = [101, 102];

    private static readonly string[] Networks = ["cnn2", "cnn1"];

    /// <summary>What a reader must know of a row that they taught.</summary>
    /// <param name="options">The command line.</param>
    public static string Notes(ExperimentOptions options) => FormattableString.Invariant(
        $"Trained on the mean outputs of two CNN1s and two CNN2s (trained directly, seeds {Seeds[0]} and {Seeds[1]}, ")
        + FormattableString.Invariant($"{Epochs(options)} epoch{(Epochs(options) == 1 ? "" : "s")}, the same training images) in place of the labels.");

    /// <summary>The teachers.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="data">The images that their pupils will see.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    /// <returns>Models that the caller disposes.</returns>
    public static IReadOnlyList<Model> For(ExperimentOptions options, ExperimentData data, CancellationToken stop) =>
        [.. from network in Networks from seed in Seeds select Teacher(options, data, network, seed, stop)];

    /// <summary>What tells these teachers from others; null while one of them is still to be trained.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="data">The images that their pupils will see.</param>
    public static string? Fingerprint(ExperimentOptions options, ExperimentData data)
    {
        string[] files = [.. from network in Networks from seed in Seeds select TrainedOnce.FileOf(options, NameOf(options, data, network), seed, data.Training)];
        return files.All(File.Exists) ? Fingerprints.OfAll(files)[..Fingerprints.Shown] : null;
    }

    private static int Epochs(ExperimentOptions options) => options.Quick ? 1 : 8;

    private static string NameOf(ExperimentOptions options, ExperimentData data, string network) =>
        FormattableString.Invariant($"teacher-{network}-{data.Training.Count}x{Epochs(options)}");

    private static FineTunedModel Teacher(ExperimentOptions options, ExperimentData data, string network, ulong seed, CancellationToken stop)
    {
        var target = network == "cnn1" ? Targets.Cnn1() : Targets.Cnn2();
        var how = new TrainingOptions { Epochs = Epochs(options), Seed = seed };
        using var weights = TrainedOnce.Weights(
            options, NameOf(options, data, network), FormattableString.Invariant($"teacher {network}, seed {seed}"),
            target, how, data.Training, data.HeldOut, stop);
        return FineTuning.Of(target, weights).WholeWeights().Build();
    }
}
