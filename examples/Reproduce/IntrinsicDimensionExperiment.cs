using System.Globalization;
using MappingNets.Core;
using MappingNets.Examples.Reporting;
using Microsoft.FSharp.Core;
using Spectre.Console;

namespace MappingNets.Examples.Reproduce;

/// <summary>
/// The smallest number of latents with which CNN2 reaches 90% of the accuracy of direct training, by bisection. "Reaches" is
/// decided on held-out training images; the test set is only reported.
/// </summary>
internal sealed class IntrinsicDimensionExperiment : IExperiment
{
    /// <summary>The share of the direct accuracy, as in the published definition of d_int90.</summary>
    private const double Share = 0.9;

    private const int Lowest = 8;
    private const int Highest = 2048;

    /// <summary>Where the search stops: smallest that reaches over largest that fails. One seed moves the crossing by more anyway.</summary>
    private const double Precision = 1.15;

    private const double QuickPrecision = 1.5;

    public string Name => "intrinsic-dimension";

    public string Summary => "The fewest latents that reach 90% of the direct accuracy of CNN2, by bisection.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        using var data = ExperimentData.Load(options);
        var runs = new List<RunRecord>();
        var searches = new List<DimensionSearchRecord>();
        foreach (var seed in options.Seeds)
        {
            searches.Add(Search(options, seed, data, runs, stop));
            new ReportFile(options.Dataset, runs) { Experiment = Name, DimensionSearches = searches }.Write(options.File("report.json"));
        }

        DimensionPlot.Write(searches, $"CNN2 on {options.Dataset}: accuracy against latents", options.File("intrinsic-dimension.png"));
        AnsiConsole.Write(TableOf(searches));
        AnsiConsole.WriteLine(
            "Published for orientation: d_int90 = 290 for LeNet (44,426 weights) on MNIST with a random subspace (other data, target and training).");
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private static DimensionSearchRecord Search(
        ExperimentOptions options, ulong seed, ExperimentData data, List<RunRecord> runs, CancellationToken stop)
    {
        var training = new TrainingOptions { Epochs = options.Epochs ?? (options.Quick ? 3 : 8), Seed = seed };
        RunRecord direct;
        using (var model = DirectModel.For(Targets.Cnn2(), seed))
            direct = Runs.Train($"direct, seed {seed}", model, training, data, options.File($"cnn2-direct-seed{seed}.safetensors"), stop);
        runs.Add(direct);
        var threshold = Share * Runs.HeldOutAccuracy(direct);

        double Evaluate(int dimension)
        {
            stop.ThrowIfCancellationRequested();
            using var model = MappingNetwork.For(Targets.Cnn2()).SingleLatent(dimension).WithSeed(seed).Build();
            var run = Runs.Train(
                $"d = {dimension}, seed {seed}", model, training, data, options.File($"cnn2-slvt-{dimension}-seed{seed}.safetensors"), stop);
            runs.Add(run);
            return Runs.HeldOutAccuracy(run);
        }

        var found = WeightTrajectory.intrinsicDimension(
            FuncConvert.FromFunc<int, double>(Evaluate), threshold, Lowest, Highest, options.Quick ? QuickPrecision : Precision);
        return new(
            seed,
            direct.Target,
            direct.TargetParameters,
            Runs.HeldOutAccuracy(direct),
            threshold,
            found.Smallest?.Value,
            found.LargestFailing?.Value,
            [.. found.Trials.Select(trial => new DimensionTrialRecord(trial.Dimension, trial.Accuracy, trial.Reaches))]);
    }

    private static Table TableOf(IReadOnlyList<DimensionSearchRecord> searches)
    {
        var table = new Table().RoundedBorder().Title("Latents that reach 90% of the direct held-out accuracy (measured here)");
        foreach (var heading in new[] { "seed", "direct %", "to reach %", "largest that fails", "smallest that reaches", "of P" })
            table.AddColumn(new TableColumn(heading).RightAligned());
        foreach (var search in searches)
            table.AddRow(
                search.Seed.ToString(CultureInfo.InvariantCulture),
                Percent(search.DirectAccuracy),
                Percent(search.Threshold),
                search.LargestFailing?.ToString("N0") ?? $"none from {Lowest}",
                search.Smallest?.ToString("N0") ?? $"none up to {Highest:N0}",
                search.Smallest is { } smallest ? ((double)smallest / search.TargetParameters).ToString("P2") : "");
        return table;
    }

    private static string Percent(double share) => (100 * share).ToString("F2");
}
