using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What is spent on the fine-tuning of CNN1, and what was chosen for it on held-out images, seed 1.</summary>
/// <param name="PretrainingImages">Images of classes 0-4 that it is pretrained on; at most all.</param>
/// <param name="PretrainingEpochs">How often they are gone through.</param>
/// <param name="Images">Images of classes 5-9 that it is adapted with.</param>
/// <param name="Epochs">How often these are gone through.</param>
/// <param name="TestImages">Images of the test set, of the same classes; at most all.</param>
internal sealed record FineTuneSetting(int PretrainingImages, int PretrainingEpochs, int Images, int Epochs, int TestImages)
{
    /// <summary>What tables call the target.</summary>
    public const string Label = "CNN1";

    /// <summary>How rates and strengths came about, for a reader of the results.</summary>
    public const string HowTuned = "Strengths and learning rates were chosen on held-out images, seed 1 (docs/experiments-log.md; the trials of the groups and of the mapping are not on record).";

    /// <summary>Images a step of adaptation.</summary>
    public const int BatchSize = 25;

    /// <summary>Adam's rate for the last layer alone and for LoRA; all other rows take the model's own.</summary>
    public const double LearningRate = 0.03;

    private const int PretrainingBatchSize = 50;
    private const int HeldOutImages = 250;
    private const ulong PretrainingSeed = 1;

    /// <summary>The group sizes and how far a latent of 1 moves a weight.</summary>
    public static IReadOnlyList<(int Size, double Strength)> Groups { get; } = [(1, 20), (16, 5), (250, 0.1)];

    /// <summary>The network; five classes.</summary>
    public static TargetNetwork Target { get; } = Targets.Cnn1(5);

    /// <summary>The experiment's own length, or that of a first look.</summary>
    /// <param name="quick">Whether only a first look is wanted.</param>
    public static FineTuneSetting Of(bool quick) => quick ? new(3_000, 1, 300, 2, 500) : new(10_000, 2, 1_000, 5, 2_500);

    /// <summary>What a reader of the results must know.</summary>
    public string Description => FormattableString.Invariant($"{Label} has {Target.ParameterCount:N0} weights. ")
        + FormattableString.Invariant(
            $"Pretrained once for all seeds on at most {PretrainingImages:N0} images of classes 0-4 ({Epoch(PretrainingEpochs)}). Adapted with ")
        + FormattableString.Invariant(
            $"{Images:N0} images of classes 5-9, others for each seed ({Epoch(Epochs)}, batches of {BatchSize}), and tested on at most ")
        + FormattableString.Invariant(
            $"{TestImages:N0} test images of these classes. The five outputs stay, now for other classes, unless the row has a new head.");

    /// <summary>What else decides a run's result.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["pretraining"] = FormattableString.Invariant($"{PretrainingImages} images, {PretrainingEpochs} epochs"),
    };

    /// <summary>The pretrained weights: what differs from seed to seed is the adaptation. A later run takes them from their file.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="all">The whole data set.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    public PretrainedWeights Pretrain(ExperimentOptions options, ExperimentData all, CancellationToken stop)
    {
        using var training = OfClasses(all.Training, PretrainingImages, 0);
        using var heldOut = OfClasses(all.HeldOut, HeldOutImages, 0);
        return TrainedOnce.Weights(
            options, FileName, $"{Label}, pretraining", Target, new() { Epochs = PretrainingEpochs, BatchSize = PretrainingBatchSize, Seed = PretrainingSeed },
            training, heldOut, stop);
    }

    /// <summary>The file that the pretrained weights are kept in.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="all">The whole data set.</param>
    public string PretrainedFile(ExperimentOptions options, ExperimentData all)
    {
        using var training = OfClasses(all.Training, PretrainingImages, 0);
        return TrainedOnce.FileOf(options, FileName, PretrainingSeed, training);
    }

    private string FileName => FormattableString.Invariant($"pretrained-{Target.Name}-{PretrainingImages}x{PretrainingEpochs}");

    /// <summary>The images to adapt with, others for each seed; the held-out and test images are the same ones for all.</summary>
    /// <param name="all">The whole data set.</param>
    /// <param name="seed">The seed.</param>
    public ExperimentData Adaptation(ExperimentData all, ulong seed)
    {
        using var five = all.Training.OfClasses(5, 6, 7, 8, 9);
        var (rest, few) = five.SplitHoldOut(Math.Min(Images, five.Count - 1), seed);
        using (rest)
        using (few)
            return new(few.ToMemory(), OfClasses(all.HeldOut, HeldOutImages, 5), OfClasses(all.Test, TestImages, 5)) { DrawnFrom = all.Training };
    }

    private static string Epoch(int count) => FormattableString.Invariant($"{count} epoch{(count == 1 ? "" : "s")}");

    private static Dataset OfClasses(Dataset data, int count, int first)
    {
        using var five = data.OfClasses([.. Enumerable.Range(first, 5)]);
        using var some = five.Take(Math.Min(count, five.Count));
        return some.ToMemory();
    }
}
