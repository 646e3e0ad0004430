using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's table of segmentation: a U-Net names the class of each pixel of street scenes.</summary>
internal sealed class SegmentationExperiment : TableExperiment
{
    private const int HeldOutShare = 10;
    private const int SyntheticHeight = 64;
    private const int QuickHeight = 32;
    private const int QuickScenes = 44;
    private const int QuickJudged = 16;
    private const int ScenesShown = 3;

    /// <summary>More numbers than these stay on the disk and are read as batches need them.</summary>
    private const long MostInMemory = 1 << 28;

    public override string Name => "segmentation";

    public override string Summary =>
        "CNN3 (a U-Net of 1,734,803 weights for 19 classes, 1,734,539 for the 11 of CamVid) on street scenes: direct training, 8,192 latents, 9,126 in layers.";

    public override string Usage =>
        "--dataset cityscapes:FOLDER or camvid:FOLDER names the scenes; camvid-half:FOLDER halves their sides, for a quarter of the time.";

    protected override IReadOnlyList<ExperimentRow> Rows => RowsOf(() => Targets.Cnn3());

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options)
    {
        var (height, width) = (data.Test.InputShape[1], data.Test.InputShape[2]);
        var classes = data.Test.ClassNames.Count;
        return [.. RowsOf(() => Targets.Cnn3(classes, height, width)).Select(row => row with
        {
            Finish = (model, run) => Finish(row, model, run, data, options),
        })];
    }

    protected override TrainingOptions Training(ExperimentOptions options) =>
        new() { Epochs = options.Epochs ?? (options.Quick ? 6 : 30), BatchSize = options.Quick ? 4 : 8 };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var named = DataSource.Folder(options, "cityscapes", CamVidScenes.Whole, CamVidScenes.Half);
        if (named is var (camVid, scenes) && camVid != "cityscapes")
            return CamVidScenes.Load(camVid, scenes, options.Quick);
        // The paper's size for the real ones; Cityscapes is twice as wide as high, and so are the synthetic ones.
        var (height, width) = options.Quick ? (QuickHeight, 2 * QuickHeight) : named is null ? (SyntheticHeight, 2 * SyntheticHeight) : (256, 256);
        var (source, folder) = named is var (name, real) ? (DataSource.Real(name), real) : Make(options, height);
        Console.WriteLine(source.Statement);
        using var all = Part(folder, "train", height, width, options.Quick ? QuickScenes + (QuickScenes / HeldOutShare) : null);
        var (training, heldOut) = all.SplitHoldOut(Math.Max(1, all.Count / HeldOutShare), 0);
        // The labels of Cityscapes' own test split are not public: "val" is what papers report.
        return new(training, heldOut, Part(folder, "val", height, width, options.Quick ? QuickJudged : null)) { Source = source };
    }

    protected override string? Remarks(ReportFile report) =>
        "Accuracy: the share of pixels with a class that were met. mIoU: the mean of intersection over union over the classes that occur or are predicted; pixels without a class count nowhere.";

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options) =>
        // Scenes first, those of the last row ahead: a page has one picture, and they are what people want to see.
        [.. report.Runs.Select(run => Picture(run.Row!)).Distinct().Reverse().Where(name => File.Exists(options.File(name))), .. base.Draw(report, options)];

    private static IReadOnlyList<ExperimentRow> RowsOf(Func<TargetNetwork> target) =>
        [TaskRows.Direct("", target), TaskRows.Slvt("", target, 8_192), TaskRows.Lwt("", target, 9_126)];

    private static (DataSource Source, string Folder) Make(ExperimentOptions options, int height)
    {
        var (synthetic, training, judged) = (options.File("synthetic-data"), options.Quick ? 2 * QuickScenes : 300, options.Quick ? QuickJudged : 60);
        SyntheticStreetScenes.Write(synthetic, training, judged, 2 * height, seed: 1);
        return (DataSource.Synthetic("synthetic-street-scenes", $"{training + judged} drawn scenes in the layout of Cityscapes"), synthetic);
    }

    private static Dataset Part(string folder, string split, int height, int width, int? atMost)
    {
        var all = Cityscapes.Open(folder, split, height, width);
        var some = atMost is { } count && count < all.Count ? all.Take(count) : all;
        return (long)some.Count * 3 * height * width > MostInMemory ? some : some.ToMemory();
    }

    private static RunRecord Finish(ExperimentRow row, Model model, RunRecord run, ExperimentData data, ExperimentOptions options)
    {
        if (run.Seed == options.Seeds[0])
            SegmentationPicture.Write(data.Shown ?? data.Test, [(row.Label, model)], ScenesShown, options.File(Picture(row.Name)));
        return run with
        {
            Figures = new Dictionary<string, double>
            {
                [PublishedRow.MeanIntersectionOverUnion] = ConfusionMatrix.Of(model, data.Test).MeanIntersectionOverUnion,
            },
        };
    }

    private static string Picture(string row) => $"scenes-{row}.png";
}
