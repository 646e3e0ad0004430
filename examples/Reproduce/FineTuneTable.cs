using System.Globalization;
using MappingNets.Examples.Reporting;
using Spectre.Console;

namespace MappingNets.Examples.Reproduce;

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

    public static IReadOnlyList<FineTuneRow> Of(IReadOnlyList<RunRecord> runs, string target) =>
    [
        .. runs.Where(run => run.Target == target).GroupBy(run => (run.Method, run.Trainable)).Select(group =>
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
