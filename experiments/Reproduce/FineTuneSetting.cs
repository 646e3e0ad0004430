using MappingNets.Experiments.Reporting;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What was chosen for a target on held-out images, seed 1; all counts and seeds share it.</summary>
/// <param name="LastLayer">Adam's rate for the last layer alone.</param>
/// <param name="LowRank">Adam's rate for LoRA.</param>
/// <param name="Groups">The group sizes and how far a latent of 1 moves a weight, at the rate that a fine-tuned model takes itself.</param>
internal sealed record FineTuneChoices(double LastLayer, double LowRank, IReadOnlyList<(int Size, double Strength)> Groups)
{
    /// <summary>The layers of one more row, whose latents move a weight each, and their strength: those that matter most for their size.</summary>
    public (string Label, string[] Layers, double Strength)? FewLayers { get; init; }
}

/// <summary>One target of the fine-tuning experiment and how much is spent on it.</summary>
/// <param name="Label">What tables call the target.</param>
/// <param name="Target">The network; five classes.</param>
/// <param name="Side">The pixels of an image's side; images of 28 are averaged down to it.</param>
/// <param name="PretrainingImages">Images of classes 0-4 that it is pretrained on; at most all.</param>
/// <param name="PretrainingEpochs">How often they are gone through.</param>
/// <param name="Images">Images of classes 5-9 that it is adapted with.</param>
/// <param name="Epochs">How often these are gone through.</param>
/// <param name="TestImages">Images of the test set, of the same classes; at most all.</param>
/// <param name="Tuned">Rates and strengths.</param>
internal sealed record FineTuneSetting(
    string Label, TargetNetwork Target, int Side, int PretrainingImages, int PretrainingEpochs, int Images, int Epochs, int TestImages,
    FineTuneChoices Tuned)
{
    /// <summary>How rates and strengths came about, for a reader of the results.</summary>
    public const string HowTuned =
        "Strengths and learning rates were chosen for each target on held-out images, seed 1 (docs/experiments-log.md).";

    /// <summary>Images a step of adaptation.</summary>
    public const int BatchSize = 25;

    private const int PretrainingBatchSize = 50;
    private const int HeldOutImages = 250;
    private const int FullSide = 28;
    private const int ReducedSide = 14;

    private static readonly FineTuneChoices ForCnn1 = new(0.03, 0.03, [(1, 20), (16, 5), (250, 0.1)]);

    // With CNN1's strengths its groups stayed far behind (docs/experiments-log.md).
    private static readonly FineTuneChoices ForResNet = new(0.03, 0.06, [(1, 160), (16, 20), (250, 8)])
    {
        FewLayers = ("batch norm and last layer", ["*bn*", "*downsample.1*", "fc"], 20),
    };

    /// <summary>
    /// CNN1 and ResNet-18. A step of ResNet-18 on 50 images of 28 x 28 takes 3 seconds of a core, so it sees them at 14 x 14, and few
    /// of them: this is what fits into three quarters of an hour of one core.
    /// </summary>
    /// <param name="quick">Whether only a first look is wanted.</param>
    public static IReadOnlyList<FineTuneSetting> All(bool quick)
    {
        var cnn1 = Targets.Cnn1(5);
        var resNet = Targets.ResNet18(5, ResNetStem.Cifar, channels: 1, side: ReducedSide);
        return quick
            ? [
                new("CNN1", cnn1, FullSide, 3_000, 1, 300, 2, 500, ForCnn1),
                new("ResNet-18", resNet, ReducedSide, 400, 1, 75, 1, 100, ForResNet),
            ]
            : [
                new("CNN1", cnn1, FullSide, 10_000, 2, 1_000, 5, 2_500, ForCnn1),
                new("ResNet-18", resNet, ReducedSide, 3_000, 2, 1_000, 2, 1_000, ForResNet),
            ];
    }

    /// <summary>Whether ways beyond the main ones are tried; ResNet-18 is too slow for them.</summary>
    public bool HasExtras => Side == FullSide;

    /// <summary>How much longer an image takes than with CNN1.</summary>
    public double Cost => Side == FullSide ? 1 : 12;

    /// <summary>What a reader of the results must know.</summary>
    public string Description => FormattableString.Invariant(
        $"**{Label}**: {Target.ParameterCount:N0} weights, images of {Side} x {Side}{(Side < FullSide ? ", averaged down from 28 x 28 to save time" : "")}. ")
        + FormattableString.Invariant(
            $"Pretrained once for all seeds on at most {PretrainingImages:N0} images of classes 0-4 ({PretrainingEpochs} epochs). Adapted with ")
        + FormattableString.Invariant(
            $"{Images:N0} images of classes 5-9, others for each seed ({Epochs} epochs, batches of {BatchSize}), and tested on at most ")
        + FormattableString.Invariant(
            $"{TestImages:N0} test images of these classes. The five outputs stay, now for other classes, unless the row has a new head.");

    /// <summary>What else decides a run's result.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["image side"] = FormattableString.Invariant($"{Side}"),
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
            options, FormattableString.Invariant($"pretrained-{Target.Name}-{Side}-{PretrainingImages}x{PretrainingEpochs}"), $"{Label}, pretraining",
            Target, new() { Epochs = PretrainingEpochs, BatchSize = PretrainingBatchSize, Seed = 1 }, training, heldOut, stop);
    }

    /// <summary>The images to adapt with, others for each seed; the held-out and test images are the same ones for all.</summary>
    /// <param name="all">The whole data set.</param>
    /// <param name="seed">The seed.</param>
    public ExperimentData Adaptation(ExperimentData all, ulong seed)
    {
        using var five = all.Training.OfClasses(5, 6, 7, 8, 9);
        var (rest, few) = five.SplitHoldOut(Math.Min(Images, five.Count - 1), seed);
        using (rest)
        using (few)
            return new(Reduced(few, few.Count), OfClasses(all.HeldOut, HeldOutImages, 5), OfClasses(all.Test, TestImages, 5));
    }

    private Dataset OfClasses(Dataset data, int count, int first)
    {
        using var five = data.OfClasses([.. Enumerable.Range(first, 5)]);
        return Reduced(five, count);
    }

    private Dataset Reduced(Dataset data, int count)
    {
        using var some = data.Take(Math.Min(count, data.Count));
        if (Side == FullSide)
            return some.ToMemory();
        using var scope = torch.NewDisposeScope();
        return Dataset.FromTensors(torch.nn.functional.avg_pool2d(some.Inputs, FullSide / Side), some.Labels, some.ClassNames);
    }
}
