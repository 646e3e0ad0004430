using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>The picture of a search for the intrinsic dimension.</summary>
public static class DimensionPlot
{
    /// <summary>How far below what was to be reached the picture begins, as a share.</summary>
    private const double Below = 0.12;

    /// <summary>Held-out accuracy against the number of latents for each seed, with the direct accuracy and what was to be reached as lines.</summary>
    /// <param name="searches">The searches, one a seed.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(IReadOnlyList<DimensionSearchRecord> searches, string title, string path)
    {
        var plot = Plots.NewPlot($"{title}\nlevels: trained directly (solid) and 90% of that (dashed)", "latents d", "held-out accuracy, %");
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
            Level(plot, search.DirectAccuracy, levelColor, LinePattern.Solid);
            Level(plot, search.Threshold, levelColor, LinePattern.Dashed);
        }

        int[] powers = [.. Enumerable.Range(0, 25).Select(power => 1 << power)];
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. powers.Select(power => Math.Log10(power))], [.. powers.Select(power => power.ToString("N0", CultureInfo.InvariantCulture))]);
        plot.Axes.Left.MinimumSize = 65;
        plot.Axes.Margins(0.08, 0.1);
        // What is sought is where the lines cross: a few latents, far below, would make that a single point.
        var lowest = 100 * (searches.Min(search => search.Threshold) - Below);
        if (searches.SelectMany(search => search.Trials).Where(trial => 100 * trial.Accuracy >= lowest).ToArray() is { Length: > 1 } near)
            plot.Axes.SetLimits(
                Math.Log10(near.Min(trial => trial.Dimension)) - 0.1, Math.Log10(near.Max(trial => trial.Dimension)) + 0.1,
                lowest, 100 * searches.Max(search => Math.Max(search.DirectAccuracy, search.Trials.Max(trial => trial.Accuracy))) + 1.5);
        plot.ShowLegend(Alignment.LowerRight);
        Plots.Save(plot, path);
    }

    private static void Level(Plot plot, double accuracy, Color color, LinePattern pattern) =>
        plot.Add.HorizontalLine(100 * accuracy, 1.5f, color.WithAlpha(0.7), pattern);
}
