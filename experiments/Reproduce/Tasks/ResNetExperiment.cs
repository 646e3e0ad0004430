using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The paper's table of ResNet-18 from scratch on CIFAR-10 and CIFAR-100, and the ResNet-20 on which the literature compares small trained states.
/// </summary>
internal sealed class ResNetExperiment : TableExperiment
{
    private const int HeldOutShare = 10;
    private const int SyntheticTraining = 5_000;
    private const int SyntheticTest = 1_000;
    private const int QuickTraining = 200;
    private const int QuickTest = 100;

    /// <summary>A quick look is at images of half the side: a quarter of the work.</summary>
    private const int QuickShrinking = 2;

    /// <summary>How far pictures are shifted in training, the usual number for CIFAR.</summary>
    private const int Pixels = 4;

    public override string Name => "resnet";

    public override string Summary =>
        "ResNet-18 and ResNet-20 from scratch: direct training, 10,000 to 20,000 latents in layers, and rivals.";

    public override string Usage => "--dataset cifar-10:FOLDER or cifar-100:FOLDER names the binary files, or CIFAR-10 as train/CLASS/*.jpg and test/CLASS/*.jpg.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } = RowsOf(10, 32);

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options) =>
        RowsOf(data.Test.ClassNames.Count, data.Test.InputShape[1]);

    protected override TrainingOptions Training(ExperimentOptions options) =>
        new() { Epochs = options.Epochs ?? (options.Quick ? 3 : 30), BatchSize = options.Quick ? 16 : 128 };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var (source, folder) = Source(options);
        Console.WriteLine(source.Statement);
        var (all, judged) = CifarFiles.Open(folder);
        var isReal = IsReal(options);
        using var some = options.Quick ? Shrunk(all, QuickTraining, isReal) : all;
        var (training, heldOut) = some.SplitHoldOut(Math.Max(1, some.Count / HeldOutShare), 0);
        // The synthetic pictures are framed: they have no place to move to.
        return new(
            isReal ? training.Augmented(Augmentation.None.FlipHorizontally().Shift(Pixels)) : training,
            heldOut,
            options.Quick ? Shrunk(judged, QuickTest, isReal) : judged)
        {
            Source = source,
        };
    }

    protected override string? Remarks(ReportFile report) => report.Config is { Quick: true }
        ? $"Quick: {QuickTraining} images, shrunk to half their side. It shows that everything runs; the accuracies mean nothing."
        : null;

    private static IReadOnlyList<ExperimentRow> RowsOf(long classes, long side) => ResNetRows.Of(
        () => Targets.ResNet18(classes, ResNetStem.Cifar, side: side),
        () => Targets.ResNet20(classes, side: side));

    private static bool IsReal(ExperimentOptions options) => DataSource.Folder(options, "cifar-10", "cifar-100") is not null;

    private static (DataSource Source, string Folder) Source(ExperimentOptions options)
    {
        if (DataSource.Folder(options, "cifar-10", "cifar-100") is var (_, folder))
        {
            // The files say which of the two it is.
            var source = DataSource.Real(CifarFiles.Is100(folder) ? "cifar-100" : "cifar-10");
            const string Changes = " All rows are trained on pictures that are mirrored and shifted by up to 4 pixels at random; train % is on such pictures.";
            return (source with
            {
                Statement = source.Statement + (CifarFiles.ArePictures(folder)
                    ? " The pictures are JPEG files: accuracies are those of recompressed pictures, the published ones are not." : "") + Changes,
            }, folder);
        }

        var synthetic = options.File("synthetic-data");
        var (training, test) = options.Quick ? (QuickTraining, QuickTest) : (SyntheticTraining, SyntheticTest);
        FashionAsCifar.Write(synthetic, training, test);
        return (DataSource.Synthetic("fashion-mnist-as-cifar", $"{training + test} pictures of FashionMNIST, framed and grey, in CIFAR-10's binary files"), synthetic);
    }

    private static Dataset Shrunk(Dataset images, int count, bool draws)
    {
        using var scope = torch.NewDisposeScope();
        // Pictures in folders come class by class: a part of them must be drawn.
        using var some = count >= images.Count ? images.Take(images.Count) : draws ? images.SplitHoldOut(count, 0).HeldOut : images.Take(count);
        using var inMemory = some.ToMemory();
        return Dataset.FromTensors(torch.nn.functional.avg_pool2d(inMemory.Inputs, QuickShrinking), inMemory.Labels, images.ClassNames);
    }
}
