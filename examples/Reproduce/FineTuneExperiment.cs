using MappingNets.Examples.Reporting;
using Spectre.Console;

namespace MappingNets.Examples.Reproduce;

/// <summary>
/// A network pretrained on five classes is adapted to the five others with 1,000 training images: through latents that move groups
/// of weights, through a mapping on top, by LoRA of matched size, in its last layer, and in full. The paper's own data for this
/// (deepfake videos, ResNet-50) is not to be had.
/// </summary>
internal sealed class FineTuneExperiment : IExperiment
{
    private const string ReportName = "report.json";

    public string Name => "finetune";

    public string Summary => "CNN1 and ResNet-18 from classes 0-4 to 5-9 with 1,000 images: accuracy against trained numbers.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        using var all = ExperimentData.Load(options);
        var settings = FineTuneSetting.All(options.Quick)
            .Select(setting => setting with { Epochs = options.Epochs ?? setting.Epochs }).ToArray();
        var runs = Finished(options, settings);
        foreach (var setting in settings)
            RunTarget(setting, options, all, runs, stop);
        Write(options, settings, runs);
        foreach (var setting in settings)
        {
            AnsiConsole.WriteLine(setting.Description);
            AnsiConsole.Write(FineTuneTable.ForTerminal(FineTuneTable.Of(runs, setting.Target.Name)));
        }

        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private static void RunTarget(
        FineTuneSetting setting, ExperimentOptions options, ExperimentData all, List<RunRecord> runs, CancellationToken stop)
    {
        using var pretrained = Pretrain(setting, options, all, stop);
        foreach (var seed in options.Seeds)
        {
            using var data = setting.Adaptation(all, seed);
            foreach (var plan in FineTunePlan.All(setting.Target, setting.Extras, options.Quick))
            {
                stop.ThrowIfCancellationRequested();
                using var model = plan.Create(pretrained, seed);
                if (runs.Any(run => Is(run, setting, plan, model, seed)))
                    continue;
                var label = FormattableString.Invariant($"{setting.Target.Name}, {plan.Name}, {model.TrainableCount:N0}, seed {seed}");
                var training = new TrainingOptions
                {
                    Epochs = setting.Epochs,
                    BatchSize = FineTuneSetting.BatchSize,
                    LearningRate = plan.LearningRate,
                    Seed = seed,
                };
                var checkpoint = options.File($"{setting.Target.Name}-{plan.FileName}-seed{seed}.safetensors");
                var run = Runs.Train(label, model, training, data, checkpoint, stop);
                runs.Add(run with { Method = plan.Name });
                Write(options, [setting], runs);
            }
        }
    }

    /// <summary>Once for a target: what differs from seed to seed is the adaptation. A later run takes the weights from their file.</summary>
    private static PretrainedWeights Pretrain(FineTuneSetting setting, ExperimentOptions options, ExperimentData all, CancellationToken stop)
    {
        var file = options.File(setting.PretrainedName(options.Dataset));
        if (!File.Exists(file))
        {
            using var data = setting.OfClasses(all.Training, setting.PretrainingImages, 0);
            using var heldOut = setting.OfClasses(all.HeldOut, setting.HeldOutImages, 0);
            using var model = DirectModel.For(setting.Target, 1);
            var training = new TrainingOptions { Epochs = setting.PretrainingEpochs, BatchSize = FineTuneSetting.BatchSize, Seed = 1 };
            TrainingDisplay.Run(
                $"{setting.Target.Name}, pretraining", progress => new Trainer(model, training).Fit(data, heldOut, progress, stop));
            model.Export(file);
        }

        return PretrainedWeights.FromFile(file);
    }

    private static bool Is(RunRecord run, FineTuneSetting setting, FineTunePlan plan, Model model, ulong seed) =>
        (run.Target, run.Method, run.Trainable, run.Seed, run.Epochs)
        == (setting.Target.Name, plan.Name, model.TrainableCount, seed, setting.Epochs);

    /// <summary>The runs of an interrupted experiment with the same options.</summary>
    private static List<RunRecord> Finished(ExperimentOptions options, FineTuneSetting[] settings) =>
        !options.Quick && File.Exists(options.File(ReportName))
            ? [.. ReportFile.Read(options.File(ReportName)).Runs.Where(run => settings.Any(setting => setting.Epochs == run.Epochs))]
            : [];

    private static void Write(ExperimentOptions options, IEnumerable<FineTuneSetting> settings, List<RunRecord> runs)
    {
        new ReportFile(options.Dataset, runs) { Experiment = "finetune" }.Write(options.File(ReportName));
        foreach (var setting in settings)
        {
            var rows = FineTuneTable.Of(runs, setting.Target.Name);
            AtomicFile.WriteAllText(
                options.File($"{setting.Target.Name}.md"), $"{setting.Description}\n\n{FineTuneTable.Markdown(rows)}");
            FineTunePlot.Write(rows, $"{setting.Target.Name}: five other classes from {setting.Images:N0} images", options.File($"{setting.Target.Name}.png"));
        }
    }
}
