using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// How far training and test accuracy lie apart, by method and by the size of the training set. Every size gets the same number of
/// steps, that of --epochs (10) passes over 60,000 images less those held out, so that small sets are not merely trained less;
/// sizes beyond what there is take all of it. The first images of the set are taken, the same for all methods and seeds.
/// </summary>
internal sealed class OverfittingExperiment : TableExperiment
{
    private const int Batch = 128;
    private const int Whole = 55_000;

    /// <summary>A step of CNN1 takes about five times as long as one of CNN2.</summary>
    private const double Cnn1Cost = 5;

    private static readonly (string Name, int Size)[] Sizes = [("1k", 1_000), ("5k", 5_000), ("20k", 20_000), ("60k", 60_000)];

    private static readonly Curve[] Curves =
    [
        new("direct", "direct", seed => DirectModel.For(Targets.Cnn2(), seed)),
        new("slvt", "SLVT 2,048", seed => MappingNetwork.For(Targets.Cnn2()).SingleLatent(2_048).WithSeed(seed).Build()),
        new("lwt", "LWT 2,688", seed => MappingNetwork.For(Targets.Cnn2()).LayerWise(2_688).WithSeed(seed).Build()),
        new("cnn1-direct", "CNN1 direct", seed => DirectModel.For(Targets.Cnn1(), seed), Cnn1Cost),
        new("cnn1-slvt", "CNN1 SLVT 2,072", seed => MappingNetwork.For(Targets.Cnn1()).SingleLatent(2_072).WithSeed(seed).Build(), Cnn1Cost),
        new("cnn1-lwt", "CNN1 LWT 4,078", seed => MappingNetwork.For(Targets.Cnn1()).LayerWise(4_078).WithSeed(seed).Build(), Cnn1Cost),
    ];

    public override string Name => "overfitting";

    public override string Summary => "CNN2 and CNN1: the gap between training and test accuracy by method and training-set size, all with equally many steps.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } = RowsOf(quick: false, epochs: null, Whole);

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options) =>
        RowsOf(options.Quick, options.Epochs, data.Training.Count);

    protected override TrainingOptions Training(ExperimentOptions options) => new() { BatchSize = Batch };

    public override string Digest(ReportFile report) => GapTable.WithAccuracies(report.Runs);

    protected override string Remarks(ReportFile report) => GapTable.Of(report.Runs);

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        GapPlots.Accuracy(report.Runs, $"{report.Dataset}: accuracy against the number of training images", options.File("accuracy-against-size.png"));
        GapPlots.Gap(report.Runs, $"{report.Dataset}: training less test accuracy", options.File("gap-against-size.png"));
        return ["gap-against-size.png", "accuracy-against-size.png"];
    }

    // The quick look has a tenth of the images, so that the sizes keep their proportions.
    private static ExperimentRow[] RowsOf(bool quick, int? epochs, int whole) =>
    [
        .. from curve in Curves
           from size in Sizes
           let images = Math.Min(whole, quick ? size.Size / 10 : size.Size)
           select new ExperimentRow($"{curve.Name}-{size.Name}", FormattableString.Invariant($"{curve.Label}, {images:N0} images"), curve.Create)
           {
               Data = data => Part(data, images),
               Change = options => options with { Epochs = EpochsFor(images, whole, epochs ?? (quick ? 1 : 10)) },
               Cost = curve.Cost,
           },
    ];

    private static int EpochsFor(int images, int whole, int epochs) =>
        (int)Math.Ceiling((double)epochs * StepsOf(whole) / StepsOf(images));

    private static int StepsOf(int images) => (images + Batch - 1) / Batch;

    /// <summary>The first images; a small set is looked at often, so it is held against fewer held-out images.</summary>
    private static ExperimentData Part(ExperimentData data, int images) => new(
        data.Training.Take(Math.Min(images, data.Training.Count)),
        data.HeldOut.Take(Math.Clamp(images / 2, Math.Min(500, data.HeldOut.Count), data.HeldOut.Count)),
        data.Test.Take(data.Test.Count));

    /// <summary>One line of the pictures; the rows of CNN2 bear no network's name.</summary>
    private sealed record Curve(string Name, string Label, Func<ulong, Model> Create, double Cost = 1);
}
