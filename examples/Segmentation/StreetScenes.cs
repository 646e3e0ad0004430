using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;
using Spectre.Console;

namespace MappingNets.Examples.Segmentation;

/// <summary>The main job: a U-Net names the class of each pixel, from the files to the pictures.</summary>
internal static class StreetScenes
{
    private const int Height = 32;
    private const int SyntheticTraining = 48;
    private const int SyntheticValidation = 16;
    private const int Epochs = 10;
    private const int BatchSize = 4;
    private const int ScenesShown = 4;

    private static readonly (int Id, string Name)[] Classes =
    [
        (7, "road"), (8, "sidewalk"), (11, "building"), (12, "wall"), (13, "fence"), (17, "pole"), (19, "traffic light"),
        (20, "traffic sign"), (21, "vegetation"), (22, "terrain"), (23, "sky"), (24, "person"), (25, "rider"), (26, "car"),
        (27, "truck"), (28, "bus"), (31, "train"), (32, "motorcycle"), (33, "bicycle"),
    ];

    public static void Run(ExampleOptions options, CancellationToken stop)
    {
        Directory.CreateDirectory(options.Output);
        var folder = Folder(options);
        using var training = Open(folder, "train");
        using var validation = Open(folder, "val");
        // Decoded once rather than in every epoch, as long as they fit.
        using var scenes = training.ToMemory();
        using var judged = validation.ToMemory();
        AnsiConsole.WriteLine($"{scenes.Count:N0} scenes of {Height} x {2 * Height} pixels to train with, {judged.Count:N0} to judge by; 19 classes.");

        var target = Targets.Cnn3(height: Height, width: 2 * Height);
        using var direct = DirectModel.For(target, options.Seed);
        using var mapped = MappingNetwork.For(target).LayerWise(9126).WithSeed(options.Seed).Build();
        (string Name, Model Model)[] models = [("direct", direct), ("LWT 9,126", mapped)];

        var table = NewTable();
        foreach (var (name, model) in models)
        {
            AnsiConsole.WriteLine($"{name}: {model.DescribeTrainableParameters()}");
            var settings = new TrainingOptions { Epochs = options.Epochs ?? Epochs, BatchSize = BatchSize, Seed = options.Seed };
            var report = TrainingDisplay.Run(name, progress => new Trainer(model, settings).Fit(scenes, null, progress, stop));
            var result = ConfusionMatrix.Of(model, judged, batchSize: 16, stop);
            table.AddRow(
                name, $"{model.TrainableCount:N0}", $"{100 * report.History[^1].TrainingAccuracy:F2}", $"{100 * result.Accuracy:F2}",
                $"{result.MeanIntersectionOverUnion:F4}", $"{report.MedianStepMilliseconds:F0}");
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine("Pixels without a class are ignored. mIoU: the mean over the classes that occur or are predicted.");
        SegmentationPicture.Write(judged, models, ScenesShown, Path.Combine(options.Output, "scenes.png"));
        mapped.SaveAdapter(Path.Combine(options.Output, "cnn3-lwt-9126.safetensors"));
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    // Pictures and masks lie in two trees with one shape; the grey values of all other classes of Cityscapes are ignored.
    private static Dataset Open(string folder, string split) => SegmentationFolder.Open(
        Path.Combine(folder, "leftImg8bit", split),
        Path.Combine(folder, "gtFine", split),
        [.. Classes.Select(known => known.Name)],
        Height,
        2 * Height,
        [.. Classes.Select(known => known.Id)],
        imageEnd: "_leftImg8bit.png",
        maskEnd: "_gtFine_labelIds.png");

    private static string Folder(ExampleOptions options)
    {
        if (options.Data is { } named)
        {
            AnsiConsole.WriteLine($"Street scenes from '{named}'.");
            return named;
        }

        var made = Path.Combine(options.Output, "synthetic-data");
        AnsiConsole.WriteLine(
            $"Synthetic data, no photographs: {SyntheticTraining + SyntheticValidation} drawn scenes in the layout of Cityscapes, written to '{made}'. Name a folder for real ones.");
        SyntheticStreetScenes.Write(made, SyntheticTraining, SyntheticValidation, 2 * Height, options.Seed);
        return made;
    }

    private static Table NewTable()
    {
        var table = new Table().RoundedBorder().Title("CNN3 on street scenes (measured here)");
        table.AddColumn("method");
        foreach (var heading in new[] { "trainable", "train pixel %", "val pixel %", "val mIoU", "ms/step" })
            table.AddColumn(new TableColumn(heading).RightAligned());
        return table;
    }
}
