using MappingNets.Experiments.Reporting;
using ScottPlot;

namespace MappingNets.Experiments.Bench;

/// <summary>Generation time against P and against d.</summary>
internal static class BenchPlots
{
    public static void Write(BenchReport report, string folder)
    {
        var byWeights = report.Generation.Where(point => point.Latents == 2048).ToArray();
        Draw(
            byWeights, point => point.Kind, point => Math.Log10(point.Weights), point => Math.Log10(Milliseconds(point)),
            "Time to generate P weights, d = 2,048", "weights P", "ms, median", true, Path.Combine(folder, "time-against-weights.png"));
        DrawMemory(report, folder);
        DrawAgainstLatents(
            report, point => point.Forward, "Time to generate P weights, over that at d = 2,048", Path.Combine(folder, "time-against-latents.png"));
        DrawAgainstLatents(
            report, point => point.Transpose, "Time to take P gradients back, over that at d = 2,048",
            Path.Combine(folder, "transpose-against-latents.png"));
    }

    private static void DrawMemory(BenchReport report, string folder) => Draw(
        [.. report.Streaming.Where(point => point.Target.StartsWith("mlp-", StringComparison.Ordinal) && point.Target is not ("mlp-25m" or "mlp-4000m")).OrderBy(point => point.Weights)],
        point => point.Method, point => Math.Log10(point.Weights), point => Math.Log10(point.PeakBytes / 1e6),
        "Private memory to train P weights, batch 16", "weights P", "MB at the peak", true, Path.Combine(folder, "memory-against-weights.png"));

    private static void DrawAgainstLatents(
        BenchReport report, Func<LatentsPoint, IReadOnlyList<double>> ratios, string title, string path) =>
        Draw(
            [.. report.AgainstLatents],
            point => FormattableString.Invariant($"{point.Kind}, P = {point.Weights:N0}"),
            point => Math.Log2(point.Latents),
            point => Ratio.MedianOf(ratios(point)),
            title, "latents d", "ratio, median", false, path);

    private static double Milliseconds(GenerationPoint point) => 4.0 * point.Weights / point.Forward.A / 1e6;

    private static void Draw<T>(
        T[] points,
        Func<T, string> kindOf,
        Func<T, double> x,
        Func<T, double> y,
        string title,
        string xLabel,
        string yLabel,
        bool decades,
        string path)
    {
        if (points.Length == 0)
            return;
        var plot = new Plot();
        plot.Title(title);
        plot.XLabel(xLabel);
        plot.YLabel(yLabel);
        foreach (var kind in points.GroupBy(kindOf))
        {
            var line = plot.Add.Scatter(kind.OrderBy(x).Select(x).ToArray(), kind.OrderBy(x).Select(y).ToArray());
            line.LegendText = kind.Key;
            line.LineWidth = 2;
            line.MarkerSize = 8;
        }

        plot.Axes.Bottom.TickGenerator = Powers(decades ? 10 : 2);
        if (decades)
            plot.Axes.Left.TickGenerator = Powers(10);
        else
            plot.Axes.SetLimitsY(0, Math.Max(1.5, 1.3 * points.Max(y)));
        plot.ShowLegend(Alignment.LowerRight);
        Plots.Save(plot, path, 900, 560);
    }

    private static ScottPlot.TickGenerators.NumericAutomatic Powers(double power) => new()
    {
        IntegerTicksOnly = true,
        LabelFormatter = exponent => Math.Pow(power, exponent).ToString("#,0.###", System.Globalization.CultureInfo.InvariantCulture),
    };
}
