using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>Test accuracy against the bytes of a file, and the front: files that no smaller one equals on the held-out images.</summary>
public static class ParetoPlot
{
    /// <summary>Draws the picture.</summary>
    /// <param name="runs">Runs whose models were stored in several precisions.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        var rows = QuantizedRow.Of(runs);
        if (rows.Count == 0)
            throw new ArgumentException("No run holds stored models.", nameof(runs));
        var plot = Plots.NewPlot(title, "bytes of the file", "test accuracy, %");
        foreach (var (group, index) in rows.GroupBy(row => row.Row).Select((group, index) => (group, index)))
        {
            QuantizedRow[] points = [.. group.OrderBy(BytesOf)];
            var line = plot.Add.Scatter(Logarithms(points), Accuracies(points), Plots.ColorOf(index));
            (line.LegendText, line.LineWidth, line.MarkerSize) = (group.Key, 1, 8);
            foreach (var point in points)
            {
                var text = plot.Add.Text(point.Format, Math.Log10(BytesOf(point)), 100 * point.Test.Mean);
                (text.LabelAlignment, text.OffsetY, text.LabelFontSize, text.LabelFontColor) = (Alignment.LowerCenter, -6, 11, Plots.ColorOf(index));
            }
        }

        var front = Front(rows);
        var edge = plot.Add.Scatter(Logarithms(front), Accuracies(front), Color.FromHex("#b0b0b0"));
        (edge.LegendText, edge.LineWidth, edge.MarkerSize, edge.LinePattern) = ("front, chosen on held-out images", 6, 0, LinePattern.Solid);
        plot.MoveToBack(edge);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
            IntegerTicksOnly = true,
            LabelFormatter = exponent => Math.Pow(10, exponent).ToString("N0", CultureInfo.InvariantCulture),
        };
        plot.Axes.Margins(0.08, 0.12);
        plot.ShowLegend(Edge.Right);
        Plots.Save(plot, path);
    }

    /// <summary>The rows that no smaller file equals on the held-out images, by size.</summary>
    /// <param name="rows">All rows.</param>
    public static IReadOnlyList<QuantizedRow> Front(IEnumerable<QuantizedRow> rows)
    {
        var front = new List<QuantizedRow>();
        foreach (var row in rows.OrderBy(BytesOf).ThenByDescending(row => row.HeldOut.Mean))
            if (front.Count == 0 || row.HeldOut.Mean > front[^1].HeldOut.Mean)
                front.Add(row);
        return front;
    }

    private static double BytesOf(QuantizedRow row) => row.PackedBytes ?? row.Bytes;

    private static double[] Logarithms(IEnumerable<QuantizedRow> rows) => [.. rows.Select(row => Math.Log10(BytesOf(row)))];

    private static double[] Accuracies(IEnumerable<QuantizedRow> rows) => [.. rows.Select(row => 100 * row.Test.Mean)];
}
