using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>A picture of forecasts against what came.</summary>
public static class ForecastPlot
{
    /// <summary>Lines over consecutive hours: the truth thick and grey, forecasts over it.</summary>
    /// <param name="truth">What came, one number an hour.</param>
    /// <param name="forecasts">What was forecast for the same hours, by name.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="quantity">What the numbers are, with their unit.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(
        IReadOnlyList<double> truth, IReadOnlyList<(string Name, IReadOnlyList<double> Values)> forecasts, string title, string quantity, string path)
    {
        var plot = Plots.NewPlot(title, "hour of the test part", quantity);
        Line(plot, truth, Colors.Gray.WithAlpha(0.6), 5, "truth");
        foreach (var ((name, values), index) in forecasts.Select((forecast, index) => (forecast, index)))
            Line(plot, values, Plots.ColorOf(index), 1.5f, name);
        plot.Axes.Margins(horizontal: 0.01, vertical: 0.08);
        plot.ShowLegend(Edge.Bottom);
        Plots.Save(plot, path);
    }

    private static void Line(Plot plot, IReadOnlyList<double> values, Color color, float width, string label)
    {
        var line = plot.Add.Scatter(Enumerable.Range(0, values.Count).Select(hour => (double)hour).ToArray(), values.ToArray(), color);
        line.LineWidth = width;
        line.MarkerSize = 0;
        line.LegendText = label;
    }
}
