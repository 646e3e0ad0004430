using TorchSharp;

namespace MappingNets.Examples.Reproduce;

/// <summary>One target of the fine-tuning experiment and how much is spent on it.</summary>
/// <param name="Target">The network; five classes.</param>
/// <param name="Side">The pixels of an image's side; images of 28 are averaged down to it.</param>
/// <param name="PretrainingImages">Images of classes 0-4 that it is pretrained on; at most all.</param>
/// <param name="PretrainingEpochs">How often they are gone through.</param>
/// <param name="Images">Images of classes 5-9 that it is adapted with.</param>
/// <param name="Epochs">How often these are gone through.</param>
/// <param name="HeldOutImages">Images held out of the training set, of the same classes.</param>
/// <param name="TestImages">Images of the test set, of the same classes; at most all.</param>
/// <param name="Extras">Whether ways beyond the main ones are tried: hashed groups and a mapping on top.</param>
internal sealed record FineTuneSetting(
    TargetNetwork Target,
    int Side,
    int PretrainingImages,
    int PretrainingEpochs,
    int Images,
    int Epochs,
    int HeldOutImages,
    int TestImages,
    bool Extras)
{
    /// <summary>Images a step, in pretraining and adaptation.</summary>
    public const int BatchSize = 50;

    private const int FullSide = 28;
    private const int ReducedSide = 14;

    /// <summary>
    /// CNN1 and ResNet-18. A step of ResNet-18 on 50 images of 28 x 28 takes 3 seconds of a core, so it sees them at 14 x 14, and few
    /// of them: this is what fits into an hour of one core.
    /// </summary>
    /// <param name="quick">Whether only a first look is wanted.</param>
    public static IReadOnlyList<FineTuneSetting> All(bool quick)
    {
        var cnn1 = Targets.Cnn1(5);
        var resNet = Targets.ResNet18(5, ResNetStem.Cifar, channels: 1, side: ReducedSide);
        return quick
            ? [new(cnn1, FullSide, 3_000, 1, 300, 3, 200, 500, true), new(resNet, ReducedSide, 600, 1, 100, 1, 100, 100, false)]
            : [new(cnn1, FullSide, 30_000, 3, 1_000, 10, 500, 5_000, true), new(resNet, ReducedSide, 4_000, 2, 1_000, 3, 250, 1_000, false)];
    }

    /// <summary>What a reader of the results must know.</summary>
    public string Description => FormattableString.Invariant(
        $"""
        {Target.Name}: {Target.ParameterCount:N0} weights, images of {Side} x {Side}{(Side < FullSide ? " (averaged down)" : "")}. Pretrained once for all seeds on
        at most {PretrainingImages:N0} images of classes 0-4 ({PretrainingEpochs} epochs), adapted with {Images:N0} images of classes 5-9 ({Epochs} epochs, batches of {BatchSize}),
        tested on at most {TestImages:N0} test images of these. The five outputs stay, now for other classes.
        """);

    /// <summary>The file of the pretrained weights: another one for every other pretraining.</summary>
    public string PretrainedName(string dataset) =>
        FormattableString.Invariant($"pretrained-{Path.GetFileName(dataset)}-{Target.Name}-{Side}-{PretrainingImages}x{PretrainingEpochs}.safetensors");

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

    /// <summary>Images of five classes in a row, at the target's size.</summary>
    /// <param name="data">Where from.</param>
    /// <param name="count">At most how many.</param>
    /// <param name="first">The first class.</param>
    public Dataset OfClasses(Dataset data, int count, int first)
    {
        using var five = data.OfClasses([.. Enumerable.Range(first, 5)]);
        return Reduced(five, count);
    }

    private Dataset Reduced(Dataset data, int count)
    {
        using var some = data.Take(Math.Min(count, data.Count));
        if (Side == FullSide)
            return some.Take(some.Count);
        using var scope = torch.NewDisposeScope();
        return Dataset.FromTensors(torch.nn.functional.avg_pool2d(some.Inputs, FullSide / Side), some.Labels, some.ClassNames);
    }
}
