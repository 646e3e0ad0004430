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
    public string Name => "finetune";

    public string Summary => "CNN1 and ResNet-18 from classes 0-4 to 5-9 with 1,000 images: accuracy against trained parameters.";

    public IReadOnlyList<string> Methods =>
        [.. FineTuneSetting.All(false).SelectMany(setting => FineTunePlan.All(setting, false).Select(plan => plan.Row))];

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        var settings = FineTuneSetting.All(options.Quick)
            .Select(setting => setting with { Epochs = options.Epochs ?? setting.Epochs }).ToArray();
        foreach (var setting in settings)
            AnsiConsole.MarkupLineInterpolated($"{setting.Description.Replace("**", "")}");
        using var all = ExperimentData.Load(options);
        var owned = new List<IDisposable>();
        try
        {
            var plans = settings.SelectMany(setting => PlansOf(setting, options, all, owned, stop)).ToArray();
            var runs = new Runs(this, options, all, plans, stop)
            {
                Order = Methods,
                Decorate = report => report with
                {
                    Pictures = Draw(report, settings, options),
                    Remarks = string.Join("\n\n", settings.Select(setting => setting.Description))
                        + "\n\n" + FineTuneSetting.HowTuned,
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

    // Target by target, and seed by seed, so that an interrupted table has all rows before it has more seeds.
    private static IEnumerable<RunPlan> PlansOf(
        FineTuneSetting setting, ExperimentOptions options, ExperimentData all, List<IDisposable> owned, CancellationToken stop)
    {
        var wanted = FineTunePlan.All(setting, options.Quick).Where(plan => options.Wants(plan.Row)).ToArray();
        var pretrained = new Lazy<PretrainedWeights>(() =>
        {
            var weights = setting.Pretrain(options, all, stop);
            owned.Add(weights);
            return weights;
        });
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
                    Cost = setting.Cost,
                    Settings = plan.Strength is { } strength
                        ? new Dictionary<string, string>(setting.Settings) { ["strength"] = FormattableString.Invariant($"{strength}") }
                        : setting.Settings,
                };
        }
    }

    private static List<string> Draw(ReportFile report, FineTuneSetting[] settings, ExperimentOptions options)
    {
        var pictures = new List<string>();
        foreach (var setting in settings)
        {
            var rows = ResultRows.Rows(report).Where(row => row.Target == setting.Target.Name).ToArray();
            if (rows.Length == 0)
                continue;
            pictures.Add($"{setting.Target.Name}.png");
            FineTunePlot.Write(
                rows,
                setting.Label,
                FormattableString.Invariant($"adapted to five other classes of {report.Dataset} with {setting.Images:N0} images"),
                options.File(pictures[^1]));
        }

        return pictures;
    }
}
