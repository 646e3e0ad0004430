using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>The pictures beside the tables.</summary>
public static partial class Plots
{
    private static readonly Color[] Palette =
        [Color.FromHex("#1f77b4"), Color.FromHex("#d62728"), Color.FromHex("#2ca02c"), Color.FromHex("#9467bd"), Color.FromHex("#ff7f0e"),
        Color.FromHex("#8c564b"), Color.FromHex("#e377c2"), Color.FromHex("#17becf"), Color.FromHex("#bcbd22"), Color.FromHex("#404040")];

    /// <summary>Validation (solid) and training accuracy (dashed) of each run against the epoch.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void LearningCurves(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        var plot = NewPlot(title, "epoch", "accuracy, %");
        var lowest = 100.0;
        foreach (var (run, index) in runs.Select((run, index) => (run, index)))
        {
            var color = Palette[index % Palette.Length];
            var epochs = run.History.Select(point => (double)point.Epoch).ToArray();
            Line(plot, epochs, run.History.Select(point => point.ValidationAccuracy), color, LinePattern.Solid, $"{Label(run)}, held out");
            Line(plot, epochs, run.History.Select(point => point.TrainingAccuracy), color, LinePattern.Dashed, $"{Label(run)}, training");
            lowest = Math.Min(lowest, run.History.Skip(1).Select(point => 100 * (point.TrainingAccuracy ?? 1)).DefaultIfEmpty(lowest).Min());
        }

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.SetLimitsY(Math.Floor(lowest) - 2, 100);
        plot.ShowLegend(Alignment.LowerRight);
        Save(plot, path);
    }

    /// <summary>Test accuracy against the number of trained parameters, with the published points marked as such.</summary>
    /// <param name="runs">Our runs.</param>
    /// <param name="published">The paper's and the re-run's results for the same target and data.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void AccuracyAgainstParameters(
        IReadOnlyList<RunRecord> runs, IReadOnlyList<PublishedResult> published, string title, string path)
    {
        var plot = NewPlot(title, "trainable parameters", "test accuracy, %");
        Points(plot, runs.Select(run => (run.Trainable, run.TestAccuracy ?? 0)), MarkerShape.FilledCircle, Palette[0], 13, "ours (measured here)");
        Points(
            plot, Of(ResultSource.Paper), MarkerShape.OpenDiamond, Palette[1], 12, "paper (published)");
        Points(
            plot, Of(ResultSource.ReRun), MarkerShape.OpenTriangleUp, Palette[2], 12, "independent re-run (best test epoch)");
        foreach (var run in runs)
        {
            var text = plot.Add.Text(run.Method.ToUpperInvariant(), Math.Log10(run.Trainable), 100 * (run.TestAccuracy ?? 0));
            // Beside the point: the published ones lie above and below it.
            text.LabelAlignment = Alignment.MiddleLeft;
            text.OffsetX = 10;
            text.LabelFontSize = 13;
            text.LabelFontColor = Palette[0];
        }

        plot.Axes.Bottom.TickGenerator = PowersOfTen();
        var all = runs.Select(run => run.TestAccuracy ?? 0).Concat(published.Select(result => result.TestAccuracy)).ToArray();
        plot.Axes.SetLimits(2.8, 5.4, Math.Floor(100 * all.Min()) - 1, Math.Ceiling(100 * all.Max()) + 1);
        plot.ShowLegend(Alignment.LowerRight);
        Save(plot, path);

        IEnumerable<(long, double)> Of(ResultSource source) => published
            .Where(result => result.Source == source).Select(result => (result.Trainable, result.TestAccuracy));
    }

    /// <summary>"SLVT 2,048", as legends and tables call a run.</summary>
    /// <param name="run">The run.</param>
    public static string Label(RunRecord run) =>
        FormattableString.Invariant($"{run.Method.ToUpperInvariant()} {run.Trainable:N0}");

    /// <summary>The ticks of an axis of logarithms to the base 10, labelled with the numbers themselves.</summary>
    public static ScottPlot.TickGenerators.NumericAutomatic PowersOfTen() => new()
    {
        MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
        IntegerTicksOnly = true,
        LabelFormatter = exponent => Math.Pow(10, exponent).ToString(exponent < 0 ? "G2" : "N0", System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>How many rows have a colour of their own.</summary>
    public static int ColorCount => Palette.Length;

    internal static Color ColorOf(int index) => Palette[index % Palette.Length];

    internal static Plot NewPlot(string title, string x, string y)
    {
        var plot = new Plot();
        plot.Title(title);
        plot.XLabel(x);
        plot.YLabel(y);
        return plot;
    }

    private static void Line(
        Plot plot, double[] epochs, IEnumerable<double?> shares, Color color, LinePattern pattern, string label)
    {
        var values = shares.Select(share => 100 * share).ToArray();
        if (values.Any(value => value is null))
            return;
        var line = plot.Add.Scatter(epochs, [.. values.Select(value => value!.Value)], color);
        line.LinePattern = pattern;
        line.LineWidth = 2;
        line.MarkerSize = pattern.Equals(LinePattern.Solid) ? 5 : 0;
        line.LegendText = label;
    }

    private static void Points(
        Plot plot, IEnumerable<(long Trainable, double Accuracy)> points, MarkerShape shape, Color color, float size, string label)
    {
        var list = points.ToArray();
        if (list.Length == 0)
            return;
        var markers = plot.Add.Markers(
            list.Select(point => Math.Log10(point.Trainable)).ToArray(), list.Select(point => 100 * point.Accuracy).ToArray(), shape, size, color);
        markers.LegendText = label;
        markers.MarkerLineWidth = 2;
    }

    internal static void Save(Plot plot, string path) => Save(plot, path, 640);
}
