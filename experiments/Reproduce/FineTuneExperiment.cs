using System.Globalization;
using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// A network pretrained on five classes is adapted to the five others with 1,000 training images: through latents that move groups
/// of weights, through a mapping on top, by LoRA of matched size, in its last layer, and in full. The paper's own data for this
/// (deepfake videos, ResNet-50) is not publicly available.
/// </summary>
internal sealed class FineTuneExperiment : IExperiment
{
    private const string Picture = "cnn1.png";
    private const string Others = "as many as it has";

    public string Name => "finetune";

    public string Summary => "CNN1 from classes 0-4 to 5-9 with 1,000 images: accuracy against trained parameters. "
        + "L: how many weights one latent moves, neighbours or, hashed, drawn from anywhere; mapping on top: all weights, by a mapping of their own.";

    public IReadOnlyList<string> Methods => [.. FineTunePlan.All(false).Select(plan => plan.Row)];

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        var setting = FineTuneSetting.Of(options.Quick);
        setting = setting with { Epochs = options.Epochs ?? setting.Epochs };
        AnsiConsole.MarkupLineInterpolated($"{setting.Description}");
        if (!FineTunePlan.All(options.Quick).Any(plan => options.Wants(plan.Row)))
            throw new ArgumentException("--methods names only rows that --quick leaves out.");
        using var all = ExperimentData.Load(options);
        var owned = new List<IDisposable>();
        try
        {
            var plans = PlansOf(setting, options, all, owned, stop).ToArray();
            using var runs = new Runs(this, options, all, plans, stop)
            {
                Order = Methods,
                Decorate = report => report with
                {
                    Pictures = Draw(report, options.File(Picture)),
                    Remarks = setting.Description + "\n\n" + FineTuneSetting.HowTuned,
                },
            };
            foreach (var plan in plans)
                runs.Train(plan);
            TableExperiment.Show(runs.Write(), options);
        }
        finally
        {
            owned.ForEach(each => each.Dispose());
        }
    }

    // Seed by seed, so that an interrupted table has all rows before it has more seeds.
    private static IEnumerable<RunPlan> PlansOf(
        FineTuneSetting setting, ExperimentOptions options, ExperimentData all, List<IDisposable> owned, CancellationToken stop)
    {
        var wanted = FineTunePlan.All(options.Quick).Where(plan => options.Wants(plan.Row)).ToArray();
        var pretrained = new Lazy<PretrainedWeights>(() =>
        {
            var weights = setting.Pretrain(options, all, stop);
            owned.Add(weights);
            return weights;
        });
        var start = new Lazy<string>(() => setting.PretrainedFile(options, all));
        foreach (var seed in wanted.Length == 0 ? [] : options.Seeds)
        {
            var data = setting.Adaptation(all, seed);
            owned.Add(data);
            foreach (var plan in wanted)
                yield return new(
                    plan.Row,
                    plan.Label,
                    () => plan.Create(pretrained.Value, seed),
                    new()
                    {
                        Epochs = setting.Epochs,
                        BatchSize = FineTuneSetting.BatchSize,
                        LearningRate = plan.LearningRate,
                        Seed = seed,
                        // As the committed table was made.
                        FrozenStatistics = false,
                    })
                {
                    Data = data,
                    Base = () => start.Value,
                    Settings = plan.Strength is { } strength
                        ? new Dictionary<string, string>(setting.Settings) { ["strength"] = FormattableString.Invariant($"{strength}") }
                        : setting.Settings,
                };
        }
    }

    /// <inheritdoc/>
    public string Digest(ReportFile report)
    {
        var counts = FineTunePlan.Latents;
        // LoRA's numbers come in whole ranks, some below the count that they stand for; heads and the whole network have numbers of their own.
        string Column(RunSummary row) => counts.FirstOrDefault(count => row.Trainable <= count && row.Trainable > 0.95 * count) is var count && count > 0
            ? count.ToString("N0", CultureInfo.InvariantCulture)
            : Others;
        string[] columns = [.. counts.Select(count => count.ToString("N0", CultureInfo.InvariantCulture)), Others];
        return "Test % (train %) by trained parameters, or just below:\n\n" + string.Join('\n', [
            $"| row | {string.Join(" | ", columns)} |",
            "|---|" + string.Concat(columns.Select(_ => "---:|")),
            .. ResultRows.Rows(report).GroupBy(row => row.Label).Select(row => $"| {row.Key} | " + string.Join(" | ", columns.Select(column =>
                row.FirstOrDefault(one => Column(one) == column) is { } found
                    ? $"**{ResultRows.Text(found.Test, true)}** ({ResultRows.Text(found.Train?.Mean, true)}){(column == Others ? FormattableString.Invariant($", {found.Trainable:N0} trained") : "")}"
                    : "")) + " |"),
        ]);
    }

    /// <inheritdoc/>
    public void Redraw(ReportFile report, string folder) => Draw(report, Path.Combine(folder, Picture));

    private static string[] Draw(ReportFile report, string path)
    {
        FineTunePlot.Write(
            ResultRows.Rows(report),
            FineTuneSetting.Label,
            FormattableString.Invariant($"adapted to five other classes of {report.Dataset} with {report.Runs[0].TrainingImages:N0} images"),
            path);
        return [Picture];
    }
}
