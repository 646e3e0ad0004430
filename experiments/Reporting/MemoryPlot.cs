using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>A picture of the memory that long runs hold.</summary>
public static class MemoryPlot
{
    /// <summary>A line for each run over its time.</summary>
    /// <param name="runs">Minutes and MiB of each run, by name.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(
        IReadOnlyList<KeyValuePair<string, IReadOnlyList<(double Minutes, double Mebibytes)>>> runs, string title, string path)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var plot = Plots.NewPlot(title, "minutes", "private memory, MiB");
        foreach (var ((name, points), index) in runs.Select((run, index) => (run, index)))
        {
            if (points.Count == 0)
                continue;
            var line = plot.Add.Scatter(
                points.Select(point => point.Minutes).ToArray(), points.Select(point => point.Mebibytes).ToArray(), Plots.ColorOf(index));
            line.LineWidth = 2;
            line.MarkerSize = 0;
            // There are more runs than colours.
            line.LinePattern = index < 10 ? LinePattern.Solid : LinePattern.Dashed;
            line.LegendText = name;
        }

        plot.Axes.SetLimitsY(0, 1.25 * runs.SelectMany(run => run.Value).Select(point => point.Mebibytes).DefaultIfEmpty(1).Max());
        plot.ShowLegend(Alignment.LowerRight);
        Plots.Save(plot, path);
    }
}
