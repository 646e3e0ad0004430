using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's table of ResNet-18 from scratch on CIFAR-10 and CIFAR-100.</summary>
internal sealed class ResNetExperiment : TableExperiment
{
    private const int HeldOutShare = 10;
    private const int SyntheticTraining = 5_000;
    private const int SyntheticTest = 1_000;
    private const int QuickTraining = 200;
    private const int QuickTest = 100;

    /// <summary>A quick look is at images of half the side: a quarter of the work.</summary>
    private const int QuickShrinking = 2;

    public override string Name => "resnet";

    public override string Summary =>
        "ResNet-18 from scratch: direct training, and 10,000 to 20,000 latents in layers. --dataset cifar-10:FOLDER or cifar-100:FOLDER names the binary files.";

    protected override IReadOnlyList<ExperimentRow> Rows => RowsOf(() => Targets.ResNet18(10, ResNetStem.Cifar));

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options)
    {
        var (classes, side) = (data.Test.ClassNames.Count, data.Test.InputShape[1]);
        return RowsOf(() => Targets.ResNet18(classes, ResNetStem.Cifar, side: side));
    }

    protected override TrainingOptions Training(ExperimentOptions options) =>
        new() { Epochs = options.Epochs ?? (options.Quick ? 3 : 30), BatchSize = options.Quick ? 16 : 128 };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var (source, folder) = Source(options);
        Console.WriteLine(source.Statement);
        var (all, judged) = File.Exists(Path.Combine(folder, "train.bin")) ? Cifar.Load100(folder) : Cifar.Load10(folder);
        using var some = options.Quick ? Shrunk(all, QuickTraining) : all;
        var (training, heldOut) = some.SplitHoldOut(Math.Max(1, some.Count / HeldOutShare), 0);
        return new(training, heldOut, options.Quick ? Shrunk(judged, QuickTest) : judged) { Source = source };
    }

    protected override string? Remarks(ReportFile report) => report.Config is { Quick: true }
        ? $"Quick: {QuickTraining} images, shrunk to half their side. It shows that everything runs; the accuracies mean nothing."
        : null;

    private static IReadOnlyList<ExperimentRow> RowsOf(Func<TargetNetwork> target) =>
        [TaskRows.Direct("", target), .. new[] { 10_000, 15_000, 20_000 }.Select(latents => TaskRows.Lwt("", target, latents))];

    private static (DataSource Source, string Folder) Source(ExperimentOptions options)
    {
        if (DataSource.Folder(options, "cifar-10", "cifar-100") is var (_, folder))
            // The files say which of the two it is.
            return (DataSource.Real(File.Exists(Path.Combine(folder, "train.bin")) ? "cifar-100" : "cifar-10", folder), folder);
        var synthetic = options.File("synthetic-data");
        var (training, test) = options.Quick ? (QuickTraining, QuickTest) : (SyntheticTraining, SyntheticTest);
        FashionAsCifar.Write(synthetic, training, test);
        return (DataSource.Synthetic("fashion-mnist-as-cifar", $"{training + test} pictures of FashionMNIST, framed and grey, in CIFAR-10's binary files"), synthetic);
    }

    private static Dataset Shrunk(Dataset images, int count)
    {
        using var scope = torch.NewDisposeScope();
        using var some = images.Take(Math.Min(count, images.Count));
        using var inMemory = some.ToMemory();
        return Dataset.FromTensors(torch.nn.functional.avg_pool2d(inMemory.Inputs, QuickShrinking), inMemory.Labels, images.ClassNames);
    }
}
