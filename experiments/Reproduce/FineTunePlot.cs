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
        AddWays(plot, rows, target, row => Math.Log10(row.Trainable));
        plot.Axes.Bottom.TickGenerator = Plots.PowersOfTen();
        plot.ShowLegend(Edge.Right);
        Plots.Save(plot, path, 1100, 640);
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
