using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The paper's table of deepfake detection: CNN1 and CNN2 tell real from faked faces by feature vectors of 2,176 numbers; or, because the faces
/// may not be passed on, real pictures from forgeries without faces.
/// </summary>
internal sealed class DeepfakeExperiment : TableExperiment
{
    private const int HeldOutShare = 10;

    /// <summary>A step of CNN1 takes about so much longer than one of CNN2.</summary>
    private const double Cnn1Cost = 8;

    private const int SyntheticTraining = 6_000;
    private const int SyntheticTest = 2_000;
    private const int QuickTraining = 600;
    private const int QuickTest = 300;
    private const string Blended = "blended";
    private const int BlendedTraining = 12_000;
    private const int BlendedTest = 4_000;

    private static readonly string[] ClassNames = ["real", "fake"];

    public override string Name => "deepfake";

    public override string Summary =>
        "CNN1 and CNN2 tell forged from untouched pictures by a network's features: direct training, one latent (SLVT), one for each layer (LWT).";

    public override string Usage =>
        "--dataset celeb-df:FOLDER or ff++:FOLDER names train_features.npy, train_labels.npy (0 real, 1 fake), test_features.npy and test_labels.npy, or train.csv and test.csv with a column \"label\" (real, fake). "
        + "blended:FOLDER forges pictures of CIFAR-10 (train/CLASS/*.jpg, test/CLASS/*.jpg) and takes the features of the network that --pretrained names, the "
        + "folder of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1.";

    public override bool TakesPretrained => true;

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        TaskRows.Direct("cnn2", Cnn2),
        TaskRows.Slvt("cnn2", Cnn2, 1_024),
        TaskRows.Slvt("cnn2", Cnn2, 2_048),
        TaskRows.Lwt("cnn2", Cnn2, 1_872),
        TaskRows.Lwt("cnn2", Cnn2, 2_688),
        TaskRows.Direct("cnn1", Cnn1) with { Cost = Cnn1Cost },
        TaskRows.Slvt("cnn1", Cnn1, 1_024) with { Cost = Cnn1Cost },
        TaskRows.Slvt("cnn1", Cnn1, 2_048) with { Cost = Cnn1Cost },
        TaskRows.Lwt("cnn1", Cnn1, 1_956) with { Cost = Cnn1Cost },
        TaskRows.Lwt("cnn1", Cnn1, 2_792) with { Cost = Cnn1Cost },
    ];

    protected override TrainingOptions Training(ExperimentOptions options) =>
        new() { Epochs = options.Epochs ?? (options.Quick ? 3 : 20), BatchSize = options.Quick ? 32 : 128 };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var (source, folder) = Source(options);
        Console.WriteLine(source.Statement);
        using var all = Read(folder, "train");
        using var some = all.Take(options.Quick ? Math.Min(QuickTraining, all.Count) : all.Count);
        using var test = Read(folder, "test");
        var (training, heldOut) = some.SplitHoldOut(Math.Max(1, some.Count / HeldOutShare), 0);
        return new(training, heldOut, test.Take(options.Quick ? Math.Min(QuickTest, test.Count) : test.Count)) { Source = source };
    }

    protected override string TitleOf(ReportFile report) => report.Dataset.StartsWith(Blended, StringComparison.Ordinal)
        ? $"manipulation detection on pictures of CIFAR-10{LengthOf(report)} (chance: 50%)"
        : base.TitleOf(report);

    protected override string? Remarks(ReportFile report) =>
        "The paper counts CNN1 and CNN2 as for 28 x 28 pixels and ten classes (537,994 and 108,618) and does not say how 2,176 numbers become such an image. "
        + "Here they are an image of 34 x 64, and with two classes the networks have 1,289,602 and 406,594 weights; the latents are as many as in the paper.";

    private static TargetNetwork Cnn1() => Targets.Cnn1ForFeatures();

    private static TargetNetwork Cnn2() => Targets.Cnn2ForFeatures();

    private static (DataSource Source, string Folder) Source(ExperimentOptions options)
    {
        // A folder without a name is of neither of the paper's data sets, for all that anyone knows.
        if (DataSource.Folder(options, "features", "celeb-df", "ff++", Blended) is var (name, folder))
            return name == Blended ? Forgeries(options, folder) : WithoutNetwork(options, (DataSource.Real(name), folder));
        var synthetic = options.File("synthetic-data");
        var (training, test) = options.Quick ? (QuickTraining, QuickTest) : (SyntheticTraining, SyntheticTest);
        SyntheticDeepfakeFeatures.Write(synthetic, training, test, seed: 1);
        return WithoutNetwork(options, (DataSource.Synthetic("synthetic-features", $"{training + test} vectors of random patterns, half of them with ripples, as .npy files"), synthetic));
    }

    private static (DataSource Source, string Folder) WithoutNetwork(ExperimentOptions options, (DataSource Source, string Folder) data) => options.Pretrained is null
        ? data
        : throw new ArgumentException($"--pretrained names a network that makes features of pictures, and the data holds features already; it goes with --dataset {Blended}:FOLDER.");

    private static (DataSource Source, string Folder) Forgeries(ExperimentOptions options, string pictures)
    {
        if (!CifarFiles.ArePictures(pictures))
            throw new InvalidDataException($"--dataset names '{pictures}', which lacks train/CLASS/*.jpg and test/CLASS/*.jpg.");
        var (training, test) = options.Quick ? (QuickTraining, QuickTest) : (BlendedTraining, BlendedTest);
        var from = Fingerprints.OfNames(pictures)[..Fingerprints.Shown] + (options.Pretrained is { } network ? "-" + Fingerprints.OfFile(PretrainedResNet.PathOf(network))[..Fingerprints.Shown] : "");
        var folder = options.File(FormattableString.Invariant($"blended-features-{training}-{test}-{from}"));
        ForgeryFeatures.Write(pictures, options.Pretrained, folder, training, test);
        return (
            new(
                "blended-cifar-10", $"--dataset {Blended}:FOLDER --pretrained FOLDER",
                FormattableString.Invariant($"Data: {training + test:N0} pictures of CIFAR-10, every second one forged: a patch of another picture, matched in colour, is blended in ")
                + $"(self-blended images without faces), and all are stored as JPEG of quality {BlendedForgeries.Quality}. The vectors are features of a ResNet-18 pretrained on ImageNet. "
                + "This is manipulation detection on real pictures, no deepfake data set: it does not compare with the paper's Celeb-DF and FaceForensics++."),
            folder);
    }

    private static Dataset Read(string folder, string part)
    {
        var csv = Path.Combine(folder, part + ".csv");
        return File.Exists(csv)
            ? FeatureVectors.FromCsv(csv, "label", ClassNames)
            : FeatureVectors.FromNpy(Path.Combine(folder, part + "_features.npy"), Path.Combine(folder, part + "_labels.npy"), ClassNames);
    }
}
