using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>Pictures of accuracy against the size of the training set.</summary>
public static class GapPlots
{
    /// <summary>Test accuracy solid, training accuracy dashed, one colour for each method; whiskers are standard deviations over seeds.</summary>
    /// <param name="runs">The runs, which name their number of training images.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Accuracy(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        var plot = Plots.NewPlot(title + "\nsolid: test, dashed: training", "training images", "accuracy, %");
        foreach (var (method, index) in Methods(runs))
        {
            Line(plot, method, run => 100 * run.TestAccuracy, Plots.ColorOf(index), LinePattern.Solid, method.Key);
            Line(plot, method, run => 100 * run.TrainAccuracy, Plots.ColorOf(index), LinePattern.Dashed, "");
        }

        Finish(plot, runs, path);
    }

    /// <summary>Training less test accuracy, a colour for each method and a pattern for each network.</summary>
    /// <param name="runs">The runs, which name their number of training images.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Gap(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        string[] ways = [.. runs.Select(run => run.Method).Distinct()], targets = [.. runs.Select(run => run.Target).Distinct()];
        var patterns = targets.Length == 2 ? $"\nsolid: {targets[0].ToUpperInvariant()}, dashed: {targets[1].ToUpperInvariant()}" : "";
        var plot = Plots.NewPlot(title + patterns, "training images", "gap, points");
        foreach (var (method, _) in Methods(runs))
        {
            var (way, target) = (Array.IndexOf(ways, method.First().Method), Array.IndexOf(targets, method.First().Target));
            Line(plot, method, run => 100 * run.Gap, Plots.ColorOf(way), target == 0 ? LinePattern.Solid : LinePattern.Dashed, method.Key);
        }

        plot.Add.HorizontalLine(0, 1, Colors.Gray);
        Finish(plot, runs, path);
    }

    private static IEnumerable<(IGrouping<string, RunRecord> Method, int Index)> Methods(IReadOnlyList<RunRecord> runs) =>
        runs.GroupBy(run => $"{run.Target.ToUpperInvariant()} {(run.Method == "direct" ? $"direct {run.Trainable.ToString("N0", CultureInfo.InvariantCulture)}" : Plots.Label(run))}").Select((method, index) => (method, index));

    private static void Line(
        Plot plot, IEnumerable<RunRecord> runs, Func<RunRecord, double?> read, Color color, LinePattern pattern, string label)
    {
        var points = runs.GroupBy(run => run.TrainingImages!.Value).OrderBy(size => size.Key)
            .Select(size => (X: Math.Log10(size.Key), Y: Spread.Of(size.Select(read)))).Where(point => point.Y is not null).ToArray();
        if (points.Length == 0)
            return;
        double[] xs = [.. points.Select(point => point.X)], ys = [.. points.Select(point => point.Y!.Mean)];
        var line = plot.Add.Scatter(xs, ys, color);
        line.LinePattern = pattern;
        line.LineWidth = 2;
        line.MarkerSize = 7;
        if (label.Length > 0)
            line.LegendText = label;
        if (points.Any(point => point.Y!.StandardDeviation is not null))
            plot.Add.ErrorBar(xs, ys, [.. points.Select(point => point.Y!.StandardDeviation ?? 0)]).Color = color;
    }

    private static void Finish(Plot plot, IReadOnlyList<RunRecord> runs, string path)
    {
        int[] sizes = [.. runs.Select(run => run.TrainingImages!.Value).Distinct().Order()];
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. sizes.Select(size => Math.Log10(size))], [.. sizes.Select(size => size.ToString("N0", CultureInfo.InvariantCulture))]);
        plot.Axes.Margins(0.06, 0.1);
        plot.Axes.Left.MinimumSize = 65;
        plot.ShowLegend(Edge.Right);
        Plots.Save(plot, path);
    }
}
