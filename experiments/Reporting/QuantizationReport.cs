using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>Quantised models as a table and as a picture.</summary>
public static class QuantizationReport
{
    /// <summary>What may be lost on the held-out images, as a share: 0.2 points.</summary>
    private const double Allowed = 0.002;

    /// <summary>The table as Markdown, and the smallest file of each row that loses no more than 0.2 points; null where there is nothing.</summary>
    /// <param name="runs">The runs.</param>
    public static string? Markdown(IReadOnlyList<RunRecord> runs)
    {
        var rows = QuantizedRow.Of(runs);
        if (rows.Count == 0)
            return null;
        var isPacked = rows.Any(row => row.PackedBytes is not null);
        var lines = new List<string>
        {
            "### Quantised",
            "",
            "One step for each output channel of the weights, for each 64 neighbours of the latent; nothing is trained afterwards. Bytes are those of the whole file"
                + (isPacked ? ", as it is and behind an entropy coder (Brotli)." : "."),
            "",
            $"| row | what | format | bytes |{(isPacked ? " entropy-coded |" : "")} held out % | lost, points | ours: test % |",
            $"|---|---|---|---:|{(isPacked ? "---:|" : "")}---:|---:|---:|",
        };
        lines.AddRange(rows.Select(row => string.Join(" | ",
            $"| {row.Row}", row.What, row.Format, Count(row.Bytes) + (isPacked ? $" | {(row.PackedBytes is { } packed ? Count(packed) : "")}" : ""), Percent(row.HeldOut.Mean),
            Percent(row.LostHeldOut), Percent(row.Test.Mean) + (row.Test.StandardDeviation is { } spread ? $" ± {Percent(spread)}" : "") + " |")));
        lines.Add("");
        foreach (var group in rows.GroupBy(row => row.Row))
            if (group.Where(row => row.LostHeldOut <= Allowed).MinBy(row => row.Bytes) is { } smallest)
                lines.Add(
                    $"- {group.Key}: the smallest file within 0.2 points of single precision on the held-out images is the {smallest.What} in "
                    + $"{smallest.Format}, {Count(smallest.Bytes)} bytes.");
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>A row for each network and a column for each format: bytes of the file, behind the entropy coder where that was measured, and test %; null where there is nothing.</summary>
    /// <param name="runs">The runs.</param>
    public static string? Grid(IReadOnlyList<RunRecord> runs)
    {
        var all = QuantizedRow.Of(runs);
        if (all.Count == 0)
            return null;
        var front = QuantizedRow.Front(all);
        string[] formats = [.. all.Select(row => row.Format).Distinct()];
        return "Bytes of the file"
            + (all.Any(row => row.PackedBytes is not null) ? ", entropy-coded" : "") + ", and test %; bold: no smaller file equals it on the held-out images.\n\n"
            + string.Join('\n', [
                $"| row | trainable | train % | {string.Join(" | ", formats)} |",
                "|---|---:|---:|" + string.Concat(formats.Select(_ => "---:|")),
                .. all.GroupBy(row => row.Row).Select(row =>
                    $"| {row.Key} | {Count(runs.First(run => run.Label == row.Key).Trainable)} | {ResultRows.Text(Spread.Of(runs.Where(run => run.Label == row.Key).Select(run => run.TrainAccuracy)), true)} | " + string.Join(" | ", formats.Select(format =>
                    {
                        if (row.FirstOrDefault(one => one.Format == format) is not { } found)
                            return "";
                        var text = $"{Count(found.Size)}: {Percent(found.Test.Mean)}{(found.Test.StandardDeviation is { } spread ? $" ± {Percent(spread)}" : "")}";
                        return front.Contains(found) ? $"**{text}**" : text;
                    })) + " |"),
            ]);
    }

    /// <summary>
    /// Test accuracy against the size of the file, behind the entropy coder where that was measured, and the front: the files that no smaller one
    /// equals on the held-out images.
    /// </summary>
    /// <param name="runs">The runs.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Draw(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        var all = QuantizedRow.Of(runs);
        var isPacked = all.Any(row => row.PackedBytes is not null);
        var plot = Plots.NewPlot(title, isPacked ? "bytes of the file, entropy-coded" : "bytes of the file", "test accuracy, %");
        var front = QuantizedRow.Front(all);
        var edge = plot.Add.Scatter(Logarithms(front), Accuracies(front), Color.FromHex("#b0b0b0"));
        (edge.LegendText, edge.LineWidth, edge.MarkerSize) = ("front, chosen on held-out images", 6, 0);
        foreach (var (group, index) in all.GroupBy(row => (row.Row, row.What)).Select((group, index) => (group, index)))
        {
            QuantizedRow[] points = [.. group.OrderBy(row => row.Size)];
            var line = plot.Add.Scatter(Logarithms(points), Accuracies(points), Plots.ColorOf(index));
            line.LegendText = $"{group.Key.Row}: {group.Key.What}";
            (line.LineWidth, line.MarkerSize) = (2, 0);
            foreach (var row in points)
            {
                double[] x = [Math.Log10(row.Size)], y = [100 * row.Test.Mean];
                if (row.Test.StandardDeviation is { } deviation)
                    plot.Add.ErrorBar(x, y, [100 * deviation]).Color = Plots.ColorOf(index);
                plot.Add.Markers(x, y, MarkOf(row.Format), 11, Plots.ColorOf(index));
            }
        }

        // A format is a mark, since names beside the points would cover each other.
        foreach (var format in all.Select(row => row.Format).Distinct())
        {
            var key = plot.Add.Markers(new[] { double.NaN }, [double.NaN], MarkOf(format), 11, Colors.Black);
            key.LegendText = format;
        }

        plot.Axes.Bottom.TickGenerator = Plots.PowersOfTen();
        plot.Axes.Margins(0.08, 0.15);
        plot.Axes.Left.MinimumSize = 65;
        plot.ShowLegend(Edge.Right);
        Plots.Save(plot, path);
    }

    private static MarkerShape MarkOf(string format) => format switch
    {
        "fp32" => MarkerShape.FilledCircle,
        "fp16" => MarkerShape.FilledSquare,
        "int8" => MarkerShape.FilledTriangleUp,
        _ => MarkerShape.FilledDiamond,
    };

    private static double[] Logarithms(IEnumerable<QuantizedRow> rows) => [.. rows.Select(row => Math.Log10(row.Size))];

    private static double[] Accuracies(IEnumerable<QuantizedRow> rows) => [.. rows.Select(row => 100 * row.Test.Mean)];

    private static string Count(double bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("F2", CultureInfo.InvariantCulture);
}
