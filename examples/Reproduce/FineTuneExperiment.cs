using System.Globalization;
using MappingNets.Examples.Reporting;
using Spectre.Console;

namespace MappingNets.Examples.Reproduce;

/// <summary>
/// A network pretrained on five classes is adapted to the five others with 1,000 training images: through latents that move groups
/// of weights, through a mapping on top, by LoRA of matched size, in its last layer, and in full. The paper's own data for this
/// (deepfake videos, ResNet-50) is not to be had.
/// </summary>
internal sealed class FineTuneExperiment(string name, Func<TargetNetwork> create) : IExperiment
{
    private const int Images = 1_000;
    private const int HeldOutImages = 1_000;
    private const int QuickPretraining = 4_000;
    private const int QuickTest = 2_000;

    public string Name => name;

    public string Summary => $"{create().Name} from classes 0-4 to 5-9 with {Images:N0} images: accuracy against trained numbers.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        var target = create();
        using var all = ExperimentData.Load(options);
        var runs = new List<RunRecord>();
        foreach (var seed in options.Seeds)
        {
            using var pretrained = Pretrain(target, options, all, seed, stop);
            using var adaptation = Adaptation(options, all, seed);
            foreach (var plan in FineTunePlan.All(target))
            {
                stop.ThrowIfCancellationRequested();
                using var model = plan.Create(pretrained, seed);
                var label = FormattableString.Invariant($"{plan.Name}, {model.TrainableCount:N0}, seed {seed}");
                var training = new TrainingOptions
                {
                    Epochs = options.Epochs ?? (options.Quick ? 2 : 10),
                    BatchSize = 50,
                    LearningRate = plan.LearningRate,
                    Seed = seed,
                };
                var run = Runs.Train(
                    label, model, training, adaptation, options.File($"{plan.FileName}-seed{seed}.safetensors"), stop);
                runs.Add(run with { Method = plan.Name });
                new ReportFile(options.Dataset, runs) { Experiment = Name }.Write(options.File("report.json"));
            }
        }

        var table = FineTuneTable.Of(runs);
        AtomicFile.WriteAllText(options.File("table.md"), FineTuneTable.Markdown(table));
        FineTunePlot.Write(table, $"{target.Name} adapted to five other classes with {Images:N0} images", options.File($"{Name}.png"));
        AnsiConsole.Write(FineTuneTable.ForTerminal(table));
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private PretrainedWeights Pretrain(
        TargetNetwork target, ExperimentOptions options, ExperimentData all, ulong seed, CancellationToken stop)
    {
        using var five = all.Training.OfClasses(0, 1, 2, 3, 4);
        using var data = options.Quick ? five.Take(Math.Min(QuickPretraining, five.Count)) : five.Take(five.Count);
        using var heldOut = all.HeldOut.OfClasses(0, 1, 2, 3, 4);
        using var model = DirectModel.For(target, seed);
        TrainingDisplay.Run(
            $"pretraining, seed {seed}",
            progress => new Trainer(model, new() { Epochs = options.Quick ? 1 : 3, Seed = seed }).Fit(data, heldOut, progress, stop));
        model.Export(options.File($"pretrained-seed{seed}.safetensors"));
        return PretrainedWeights.Of(model);
    }

    // Other images for each seed.
    private static ExperimentData Adaptation(ExperimentOptions options, ExperimentData all, ulong seed)
    {
        using var five = all.Training.OfClasses(5, 6, 7, 8, 9);
        using var heldOut = all.HeldOut.OfClasses(5, 6, 7, 8, 9);
        using var test = all.Test.OfClasses(5, 6, 7, 8, 9);
        var (rest, few) = five.SplitHoldOut(Math.Min(Images, five.Count - 1), seed);
        rest.Dispose();
        return new(
            few,
            heldOut.Take(Math.Min(HeldOutImages, heldOut.Count)),
            test.Take(options.Quick ? Math.Min(QuickTest, test.Count) : test.Count));
    }
}

/// <summary>One row: a way of adapting, over all seeds.</summary>
/// <param name="Method">The way.</param>
/// <param name="Trainable">How many numbers it trains.</param>
/// <param name="Ratio">The target's weights over that.</param>
/// <param name="Mean">The mean test accuracy, from 0 to 1.</param>
/// <param name="Deviation">Its standard deviation over the seeds; 0 for one seed.</param>
/// <param name="Bytes">The size of what has to be stored beside the base.</param>
/// <param name="Seeds">How many seeds.</param>
internal sealed record FineTuneRow(string Method, long Trainable, double Ratio, double Mean, double Deviation, long Bytes, int Seeds);

/// <summary>The table of trained numbers against accuracy.</summary>
internal static class FineTuneTable
{
    private static readonly string[] Headings = ["method", "trainable", "ratio", "test %", "deviation", "bytes", "seeds"];

    public static IReadOnlyList<FineTuneRow> Of(IReadOnlyList<RunRecord> runs) =>
    [
        .. runs.GroupBy(run => (run.Method, run.Trainable)).Select(group =>
        {
            var mean = group.Average(run => run.TestAccuracy);
            var count = group.Count();
            var deviation = count == 1 ? 0 : Math.Sqrt(group.Sum(run => Math.Pow(run.TestAccuracy - mean, 2)) / (count - 1));
            var first = group.First();
            return new FineTuneRow(
                group.Key.Method, group.Key.Trainable, (double)first.TargetParameters / first.Trainable, mean, deviation, first.CheckpointBytes, count);
        }),
    ];

    public static Table ForTerminal(IReadOnlyList<FineTuneRow> rows)
    {
        var table = new Table().RoundedBorder().Title("Adapted to five other classes (measured here)");
        foreach (var heading in Headings)
        {
            var column = new TableColumn(heading);
            table.AddColumn(heading == Headings[0] ? column : column.RightAligned());
        }

        foreach (var row in rows)
            table.AddRow(Cells(row));
        return table;
    }

    public static string Markdown(IReadOnlyList<FineTuneRow> rows) => string.Join('\n', (IEnumerable<string>)
    [
        "| " + string.Join(" | ", Headings) + " |",
        "|---|" + string.Concat(Headings.Skip(1).Select(_ => "---:|")),
        .. rows.Select(row => "| " + string.Join(" | ", Cells(row)) + " |"),
    ]) + "\n";

    private static string[] Cells(FineTuneRow row) =>
    [
        row.Method,
        row.Trainable.ToString("N0", CultureInfo.InvariantCulture),
        row.Ratio.ToString("F1", CultureInfo.InvariantCulture) + "x",
        (100 * row.Mean).ToString("F2", CultureInfo.InvariantCulture),
        row.Seeds == 1 ? "" : (100 * row.Deviation).ToString("F2", CultureInfo.InvariantCulture),
        row.Bytes.ToString("N0", CultureInfo.InvariantCulture),
        row.Seeds.ToString(CultureInfo.InvariantCulture),
    ];
}
