using System.Globalization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// How far this library's rows stand from others, seed by seed: rows of one seed share their training pictures, so the differences spread less than the
/// rows themselves.
/// </summary>
internal static class PairedDifferences
{
    /// <summary>How many times as many parameters a rival may have.</summary>
    private const int Handicap = 4;

    private const string Ours = "scales-";

    /// <summary>A Markdown table: each row of ours against all weights and the head, and against the best rival of up to four times its parameters.</summary>
    /// <param name="runs">All runs.</param>
    /// <returns>The table; empty where no seed has two rows to compare.</returns>
    public static string Describe(IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.Where(run => run.TestAccuracy is not null).GroupBy(run => run.Row!).ToArray();
        var ours = rows.Where(row => row.Key.StartsWith(Ours, StringComparison.Ordinal)).OrderBy(row => row.First().Trainable).ToArray();
        var rivals = rows.Except(ours).Where(row => row.Key is not "full").ToArray();
        var lines = new List<string>();
        foreach (var row in ours)
        {
            foreach (var other in rows.Where(other => other.Key is "full" or "head"))
                Add(row, other);
            if (rivals.Where(rival => rival.Key != "head" && rival.First().Trainable <= Handicap * row.First().Trainable).MaxBy(HeldOut) is { } best)
                Add(row, best, ", the best such rival");
        }

        return lines.Count == 0
            ? ""
            : "Differences in points of test accuracy, seed by seed, with the 95% interval of their mean (Student's t); the best rival is the one with the highest held-out "
                + $"accuracy of those with up to {Handicap} times as many parameters.\n\n| row | parameters | against | its parameters | difference |\n|---|---:|---|---:|---:|\n" + string.Join('\n', lines);

        void Add(IGrouping<string, RunRecord> row, IGrouping<string, RunRecord> other, string note = "")
        {
            double?[] differences = [.. row.Join(other, run => run.Seed, run => run.Seed, (one, two) => 100 * (one.TestAccuracy - two.TestAccuracy))];
            if (Spread.Of(differences) is { } spread)
                lines.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {row.First().Label} | {row.First().Trainable:N0} | {other.First().Label}{note} | {other.First().Trainable:N0} | {spread.Mean:+0.00;-0.00}{Interval(spread, differences.Length)} |"));
        }
    }

    private static double HeldOut(IEnumerable<RunRecord> row) => row.Average(run => run.HeldOutAccuracy ?? 0);

    private static string Interval(Spread spread, int seeds) => spread.HalfInterval(seeds) is { } half
        ? string.Create(CultureInfo.InvariantCulture, $" ± {half:F2}")
        : " (1 seed)";
}
