using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>Training less test accuracy, by method and training-set size.</summary>
public static class GapTable
{
    /// <summary>The means over the seeds as a Markdown table: a row for each method, a column for each size.</summary>
    /// <param name="runs">The runs, which name their number of training images.</param>
    public static string Of(IReadOnlyList<RunRecord> runs)
    {
        var sizes = runs.Select(run => run.TrainingImages!.Value).Distinct().Order().ToArray();
        var seeds = runs.Select(run => run.Seed).Distinct().Count();
        return string.Join('\n', [
            $"Training less test accuracy, points{(seeds > 1 ? " (mean ± standard deviation over seeds)" : "")}, against the number of training images:",
            "",
            "| method | trainable | " + string.Join(" | ", sizes.Select(size => size.ToString("N0", CultureInfo.InvariantCulture))) + " |",
            "|---|---:|" + string.Concat(sizes.Select(_ => "---:|")),
            .. runs.GroupBy(run => (run.Target, run.Method, run.Trainable)).Select(method => "| " + string.Join(" | ", [
                $"{method.Key.Target.ToUpperInvariant()} {(method.Key.Method == "direct" ? "direct" : method.Key.Method.ToUpperInvariant())}",
                method.Key.Trainable.ToString("N0", CultureInfo.InvariantCulture),
                .. sizes.Select(size => Text(Spread.Of(method.Where(run => run.TrainingImages == size).Select(run => 100 * run.Gap)))),
            ]) + " |"),
        ]);
    }

    private static string Text(Spread? gap) => gap is null
        ? ""
        : gap.Mean.ToString("F2", CultureInfo.InvariantCulture)
            + (gap.StandardDeviation is { } deviation ? " ± " + deviation.ToString("F2", CultureInfo.InvariantCulture) : "");
}
