using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>The picture of a search for the intrinsic dimension.</summary>
public static class DimensionPlot
{
    /// <summary>Held-out accuracy against the number of latents for each seed, with the direct accuracy and what was to be reached as lines.</summary>
    /// <param name="searches">The searches, one a seed.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(IReadOnlyList<DimensionSearchRecord> searches, string title, string path)
    {
        var plot = Plots.NewPlot(title, "latents d", "held-out accuracy, %");
        foreach (var (search, index) in searches.Select((search, index) => (search, index)))
        {
            var color = Plots.ColorOf(index);
            var trials = search.Trials.OrderBy(trial => trial.Dimension).ToArray();
            var line = plot.Add.Scatter(
                trials.Select(trial => Math.Log10(trial.Dimension)).ToArray(), trials.Select(trial => 100 * trial.Accuracy).ToArray(), color);
            line.LineWidth = 2;
            line.MarkerSize = 8;
            // In the legend: beside the points, numbers of several seeds would cover each other.
            var reached = search.Smallest is { } smallest ? string.Create(CultureInfo.InvariantCulture, $": {smallest:N0} reach it") : ": none reaches it";
            line.LegendText = (searches.Count == 1 ? "through d latents" : $"through d latents, seed {search.Seed}") + reached;
            var levelColor = searches.Count == 1 ? Colors.Black : color;
            Level(plot, search.DirectAccuracy, levelColor, LinePattern.Solid, index == 0 ? "trained directly" : null);
            Level(plot, search.Threshold, levelColor, LinePattern.Dashed, index == 0 ? "90% of that" : null);
        }

        plot.Axes.Bottom.TickGenerator = Plots.PowersOfTen();
        plot.Axes.Margins(0.08, 0.1);
        plot.ShowLegend(Alignment.LowerRight);
        Plots.Save(plot, path);
    }

    private static void Level(Plot plot, double accuracy, Color color, LinePattern pattern, string? label)
    {
        var line = plot.Add.HorizontalLine(100 * accuracy, 1.5f, color.WithAlpha(0.7), pattern);
        if (label is not null)
            line.LegendText = label;
    }
}
