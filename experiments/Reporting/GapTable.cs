using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>Training less test accuracy, by method and training-set size.</summary>
public static class GapTable
{
    /// <summary>The means over the seeds as a Markdown table: a row for each method, a column for each size.</summary>
    /// <param name="runs">The runs, which name their number of training images.</param>
    public static string Of(IReadOnlyList<RunRecord> runs) =>
        $"Training less test accuracy, points{(runs.Select(run => run.Seed).Distinct().Count() > 1 ? " (mean ± standard deviation over seeds)" : "")}, against the number of training images:\n\n"
        + Grid(runs, cell => Text(Spread.Of(cell.Select(run => 100 * run.Gap))));

    /// <summary>The same with the accuracy on the test images before the gap, which stands in brackets.</summary>
    /// <param name="runs">The runs, which name their number of training images.</param>
    public static string WithAccuracies(IReadOnlyList<RunRecord> runs) =>
        "Test %, and in brackets training less test accuracy in points, against the number of training images:\n\n"
        + Grid(runs, cell => $"**{Text(Spread.Of(cell.Select(run => 100 * run.TestAccuracy)))}** ({Text(Spread.Of(cell.Select(run => 100 * run.Gap)))})");

    private static string Grid(IReadOnlyList<RunRecord> runs, Func<IReadOnlyList<RunRecord>, string> cell)
    {
        var sizes = runs.Select(run => run.TrainingImages!.Value).Distinct().Order().ToArray();
        return string.Join('\n', [
            "| method | trainable | " + string.Join(" | ", sizes.Select(size => size.ToString("N0", CultureInfo.InvariantCulture))) + " |",
            "|---|---:|" + string.Concat(sizes.Select(_ => "---:|")),
            .. runs.GroupBy(run => (run.Target, run.Method, run.Trainable)).Select(method => "| " + string.Join(" | ", [
                $"{method.Key.Target.ToUpperInvariant()} {(method.Key.Method == "direct" ? "direct" : method.Key.Method.ToUpperInvariant())}",
                method.Key.Trainable.ToString("N0", CultureInfo.InvariantCulture),
                .. sizes.Select(size => method.Where(run => run.TrainingImages == size).ToArray() is { Length: > 0 } runs ? cell(runs) : ""),
            ]) + " |"),
        ]);
    }

    private static string Text(Spread? gap) => gap is null
        ? ""
        : gap.Mean.ToString("F2", CultureInfo.InvariantCulture)
            + (gap.StandardDeviation is { } deviation ? " ± " + deviation.ToString("F2", CultureInfo.InvariantCulture) : "");
}
