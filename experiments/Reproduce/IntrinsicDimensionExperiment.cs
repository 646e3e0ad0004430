using System.Globalization;
using MappingNets.Core;
using MappingNets.Experiments.Reporting;
using Microsoft.FSharp.Core;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

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

    private const string Picture = "intrinsic-dimension.png";
    private const double QuickPrecision = 1.5;

    private const string Orientation =
        "Published for orientation: d_int90 = 290 for LeNet (44,426 weights) on MNIST with a random subspace (other data, target and training).";

    public string Name => "intrinsic-dimension";

    public string Summary => "The fewest latents that reach 90% of the direct accuracy of CNN2, by bisection.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        using var data = ExperimentData.Load(options);
        var made = new List<DimensionSearchRecord>();
        using var runs = new Runs(this, options, data, null, stop)
        {
            Decorate = report => Runs.Joined(report.DimensionSearches, made, search => search.Seed) is { Length: > 0 } searches
                ? report with { DimensionSearches = searches, Pictures = [Picture], Remarks = ResultText(searches) }
                : report,
        };
        foreach (var seed in options.Seeds)
        {
            made.Add(Search(options, seed, runs, stop));
            Draw(Runs.Joined(runs.Earlier?.DimensionSearches, made, search => search.Seed), options.Dataset, options.File(Picture));
            runs.Write();
        }

        AnsiConsole.Write(TableOf(Runs.Joined(runs.Earlier?.DimensionSearches, made, search => search.Seed)));
        AnsiConsole.WriteLine(Orientation);
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    /// <inheritdoc/>
    public string Digest(ReportFile report) =>
        ResultsPage.JudgedRows(report with { Summary = null, Runs = [.. report.Runs.OrderBy(run => run.Method == "direct" ? 0 : 1).ThenBy(run => run.Trainable)] });

    /// <inheritdoc/>
    public void Redraw(ReportFile report, string folder)
    {
        if (report.DimensionSearches is { Count: > 0 } searches)
            Draw(searches, report.Dataset, Path.Combine(folder, Picture));
    }

    private static void Draw(IReadOnlyList<DimensionSearchRecord> searches, string dataset, string path) =>
        DimensionPlot.Write(searches, $"CNN2 on {dataset}: accuracy against latents", path);

    private static DimensionSearchRecord Search(ExperimentOptions options, ulong seed, Runs runs, CancellationToken stop)
    {
        var training = new TrainingOptions { Epochs = options.Epochs ?? (options.Quick ? 2 : 8), Seed = seed };
        var direct = runs.Train(new("direct", "CNN2 direct", () => DirectModel.For(Targets.Cnn2(), seed), training));
        var threshold = Share * direct.HeldOutAccuracy!.Value;

        double Evaluate(int dimension)
        {
            stop.ThrowIfCancellationRequested();
            return runs.Train(new(
                FormattableString.Invariant($"slvt-{dimension}"),
                FormattableString.Invariant($"CNN2 SLVT {dimension:N0}"),
                () => MappingNetwork.For(Targets.Cnn2()).SingleLatent(dimension).WithSeed(seed).Build(),
                training)).HeldOutAccuracy!.Value;
        }

        var found = WeightTrajectory.intrinsicDimension(
            FuncConvert.FromFunc<int, double>(Evaluate), threshold, Lowest, Highest, options.Quick ? QuickPrecision : Precision);
        return new(
            seed,
            direct.Target,
            direct.TargetParameters,
            direct.HeldOutAccuracy!.Value,
            threshold,
            found.Smallest?.Value,
            found.LargestFailing?.Value,
            [.. found.Trials.Select(trial => new DimensionTrialRecord(trial.Dimension, trial.Accuracy, trial.Reaches))]);
    }

    private static string ResultText(IReadOnlyList<DimensionSearchRecord> searches) => string.Join('\n', searches.Select(search =>
        FormattableString.Invariant($"- Seed {search.Seed}: {Percent(search.Threshold)}% of held-out images, {Share:P0} of the direct {Percent(search.DirectAccuracy)}%, are ")
        + (search.Smallest is { } smallest
            ? FormattableString.Invariant($"reached with {smallest:N0} latents, and with {search.LargestFailing?.ToString("N0") ?? "none fewer"} not.")
            : FormattableString.Invariant($"not reached with {Highest:N0} latents.")))) + "\n\n" + Orientation;

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
