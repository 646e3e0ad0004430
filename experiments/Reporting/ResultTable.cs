using System.Globalization;
using Spectre.Console;

namespace MappingNets.Experiments.Reporting;

/// <summary>The table of runs that people look at first.</summary>
public static class ResultTable
{
    /// <summary>The column headings.</summary>
    public static IReadOnlyList<string> Headings { get; } =
        ["method", "trainable", "ratio", "train %", "test %", "gap", "ms/step", "checkpoint bytes"];

    /// <summary>One run's cells.</summary>
    /// <param name="run">The run.</param>
    public static IReadOnlyList<string> Cells(RunRecord run) =>
    [
        run.Method,
        run.Trainable.ToString("N0", CultureInfo.InvariantCulture),
        ((double)run.TargetParameters / run.Trainable).ToString("F1", CultureInfo.InvariantCulture) + "x",
        Percent(run.TrainAccuracy),
        Percent(run.TestAccuracy),
        Percent(run.Gap),
        run.MsPerStep.ToString("F1", CultureInfo.InvariantCulture),
        run.CheckpointBytes.ToString("N0", CultureInfo.InvariantCulture),
    ];

    /// <summary>The runs as a table for the terminal.</summary>
    /// <param name="runs">The runs.</param>
    public static Table Of(IReadOnlyList<RunRecord> runs)
    {
        var table = new Table().RoundedBorder().Title("CNN2 on FashionMNIST (measured here)");
        foreach (var heading in Headings)
        {
            var column = new TableColumn(heading);
            table.AddColumn(heading == "method" ? column : column.RightAligned());
        }

        foreach (var run in runs)
            table.AddRow([.. Cells(run)]);
        return table;
    }

    /// <summary>The runs as a Markdown table.</summary>
    /// <param name="runs">The runs.</param>
    public static string Markdown(IReadOnlyList<RunRecord> runs)
    {
        var lines = new List<string>
        {
            "| " + string.Join(" | ", Headings) + " |",
            "|---|" + string.Concat(Headings.Skip(1).Select(_ => "---:|")),
        };
        lines.AddRange(runs.Select(run => "| " + string.Join(" | ", Cells(run)) + " |"));
        return string.Join('\n', lines) + "\n";
    }

    private static string Percent(double? share) => share is { } number ? (100 * number).ToString("F2", CultureInfo.InvariantCulture) : "";
}
