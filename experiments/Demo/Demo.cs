using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Demo;

/// <summary>The main job: CNN2 on FashionMNIST, directly and through a latent, from the data to the pictures.</summary>
internal static class Demo
{
    /// <summary>Held out of the training set for looking at while training; the test set is looked at once, at the end.</summary>
    private const int HeldOut = 5_000;

    /// <summary>The section of a document that holds the table.</summary>
    public const string TableSection = "demo table";

    public static void Run(DemoOptions options, CancellationToken stop)
    {
        Directory.CreateDirectory(options.Output);
        AnsiConsole.WriteLine(
            "Trains CNN2 (108,618 weights) on FashionMNIST three times: its weights themselves, through one latent of 2,048, and through a latent for "
            + "each layer. That takes three to four minutes on two cores; then come a table, two plots and ten predictions.");
        AnsiConsole.WriteLine();
        var (training, test) = MappingNets.FashionMnist.Load(options.Data);
        using (training)
        using (test)
        {
            var (kept, heldOut) = training.SplitHoldOut(HeldOut, options.Seed);
            using (kept)
            using (heldOut)
            {
                var runs = new List<RunRecord>();
                foreach (var plan in DemoPlan.All(options.Seed))
                {
                    runs.Add(Train(plan, options, kept, heldOut, test, stop));
                    // After each run, so that an interrupted demo leaves what it had finished.
                    new ReportFile("fashion-mnist", runs).Write(Path.Combine(options.Output, "report.json"));
                }

                AnsiConsole.Write(ResultTable.Of(runs));
                AtomicFile.WriteAllText(Path.Combine(options.Output, "table.md"), ResultTable.Markdown(runs));
                if (options.Document is { } document)
                    MarkedSection.Replace(document, TableSection, ResultTable.Markdown(runs));
                WritePlots(runs, options.Output);
                Predictions.Show(Path.Combine(options.Output, DemoPlan.AdapterToReload), Targets.Cnn2(), test);
                AnsiConsole.WriteLine();
                AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
            }
        }
    }

    private static RunRecord Train(
        DemoPlan plan, DemoOptions options, Dataset kept, Dataset heldOut, Dataset test, CancellationToken stop)
    {
        using var model = plan.Create();
        AnsiConsole.WriteLine($"{plan.Title}: {model.DescribeTrainableParameters()}");
        var settings = plan.Options with { Seed = options.Seed };
        var report = TrainingDisplay.Run(
            plan.Title, progress => new Trainer(model, settings).Fit(kept, heldOut, progress, stop));
        var file = Path.Combine(options.Output, plan.FileName);
        if (model is MappedModel mapped)
            mapped.SaveAdapter(file);
        else
            model.Export(file);
        return new(
            model.Method,
            model.Target.Name,
            model.Target.ParameterCount,
            model.TrainableCount,
            model.FixedWeightsName,
            options.Seed,
            report.History.Count,
            Evaluation.Of(model, kept, cancellation: stop).Accuracy!.Value,
            Evaluation.Of(model, test, cancellation: stop).Accuracy!.Value,
            report.MedianStepMilliseconds,
            report.PeakMemoryBytes,
            new FileInfo(file).Length,
            [.. report.History.Select(epoch => new EpochPoint(
                epoch.Epoch, epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationAccuracy))]);
    }

    private static void WritePlots(IReadOnlyList<RunRecord> runs, string folder)
    {
        Plots.LearningCurves(runs, "CNN2 on FashionMNIST", Path.Combine(folder, "learning-curves.png"));
        Plots.AccuracyAgainstParameters(
            runs,
            [.. PublishedResult.FashionMnist.Where(result => result.Target == "cnn2")],
            "CNN2 on FashionMNIST: test accuracy against trained parameters",
            Path.Combine(folder, "accuracy-against-parameters.png"));
    }
}
