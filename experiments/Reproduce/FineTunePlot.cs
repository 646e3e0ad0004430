using System.Globalization;
using MappingNets.Experiments.Reporting;
using ScottPlot;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Accuracy after adaptation against the number of trained parameters, a line for each way.</summary>
internal static class FineTunePlot
{
    /// <summary>The ways differ in their marks too: there are more of them than colours, and some lie on one another.</summary>
    private static readonly MarkerShape[] Marks =
    [
        MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledDiamond, MarkerShape.FilledTriangleUp,
        MarkerShape.FilledTriangleDown, MarkerShape.OpenCircle, MarkerShape.OpenSquare,
    ];

    /// <summary>More trained parameters than so many times those of all others are a level, no point.</summary>
    private const int MuchMore = 20;

    /// <summary>Writes the plot of one target.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="target">What their labels begin with.</param>
    /// <param name="about">The target's description in the title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(IReadOnlyList<RunSummary> rows, string target, string about, string path)
    {
        var plot = new Plot();
        plot.Title($"{target} {about}");
        plot.XLabel("trained parameters");
        plot.YLabel("test accuracy, %");
        // All weights are so many that a point of theirs would press all others into a corner; a row near chance would do the same from below.
        var full = rows.MaxBy(row => row.Trainable)!;
        var isFar = rows.Count > 1 && rows.Where(row => row != full).All(row => MuchMore * row.Trainable < full.Trainable);
        RunSummary[] near = [.. rows.Where(row => !isFar || row != full)], shown = [.. near.Where(row => row.Test!.Mean > near.Max(other => other.Test!.Mean) / 2)];
        if (isFar)
        {
            var level = plot.Add.HorizontalLine(100 * full.Test!.Mean, 2, Colors.Black, LinePattern.Dashed);
            level.LegendText = $"{NameOf(full)}, {full.Trainable.ToString("N0", CultureInfo.InvariantCulture)}";
        }

        AddWays(plot, shown, target, row => Math.Log10(row.Trainable));
        foreach (var row in near.Except(shown))
            plot.Add.Markers(new[] { double.NaN }, [double.NaN], MarkerShape.None).LegendText =
                string.Create(CultureInfo.InvariantCulture, $"not shown: {NameOf(row)}, {100 * row.Test!.Mean:F1}%");
        // Powers of ten alone would be one or two on a short axis.
        plot.Axes.Bottom.TickGenerator = shown.Max(row => row.Trainable) > 100 * shown.Min(row => row.Trainable) ? Plots.PowersOfTen() : Plots.DecadeTicks();
        plot.ShowLegend(Edge.Right);
        Plots.Save(plot, path, 1100, 640);

        string NameOf(RunSummary row) => row.Label[(target.Length + 1)..];
    }

    /// <summary>Draws the test accuracy of the rows, a line for each way.</summary>
    /// <param name="plot">Where.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="target">What their labels begin with.</param>
    /// <param name="place">Where a row stands on the horizontal axis.</param>
    public static void AddWays(Plot plot, IReadOnlyList<RunSummary> rows, string target, Func<RunSummary, double> place)
    {
        // Chosen here: bars of deviations would use up the colours between the lines.
        var palette = new ScottPlot.Palettes.Category10();
        foreach (var (index, way) in rows.GroupBy(row => row.Label).Index())
        {
            var points = way.OrderBy(row => row.Trainable).ToArray();
            var places = points.Select(place).ToArray();
            var heights = points.Select(row => 100 * row.Test!.Mean).ToArray();
            var line = plot.Add.Scatter(places, heights);
            line.LegendText = way.Key[(target.Length + 1)..];
            line.Color = palette.GetColor(index);
            line.LineWidth = 2;
            line.MarkerShape = Marks[index % Marks.Length];
            line.MarkerSize = 9;
            line.MarkerLineWidth = 2;
            if (points.All(row => row.Test!.StandardDeviation is not null))
                plot.Add.ErrorBar(places, heights, points.Select(row => 100 * row.Test!.StandardDeviation!.Value).ToArray()).Color = line.Color;
        }
    }
}
