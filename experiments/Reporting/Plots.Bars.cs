using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>The pictures of tables.</summary>
public static partial class Plots
{
    /// <summary>
    /// Our result of each row as a bar with its standard deviation over the seeds; what the paper prints, what the re-run got and what other
    /// publications report as marks on it.
    /// </summary>
    /// <param name="rows">The rows, drawn from top to bottom.</param>
    /// <param name="metric">What is drawn: "accuracy", "loss", or a figure's name.</param>
    /// <param name="published">A row's published numbers of this metric; none where there are none.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    /// <param name="references">What the rows are to be held against, drawn grey under the others; null for none.</param>
    public static void Bars(
        IReadOnlyList<RunSummary> rows,
        string metric,
        Func<RunSummary, PublishedRow?> published,
        string title,
        string path,
        IReadOnlyList<ReferenceRow>? references = null)
    {
        var isAccuracy = metric == PublishedRow.Accuracy;
        var factor = isAccuracy ? 100 : 1;
        var plot = NewPlot(title, "", "");
        var shown = rows.Where(row => row.Result(metric) is not null).Reverse().ToArray();
        if (shown.Length == 0)
            return;
        var bars = shown.Select((row, place) => new Bar
        {
            Position = place,
            Value = factor * row.Result(metric)!.Mean,
            Error = factor * (row.Result(metric)!.StandardDeviation ?? 0),
            FillColor = Palette[0].WithAlpha(0.75),
            // The whisker has the outline's line: without a width there is none.
            LineWidth = 1.5f,
            LineColor = Colors.Black,
            Size = 0.6,
            Orientation = Orientation.Horizontal,
        }).ToArray();
        plot.Add.Bars(bars).LegendText =
            shown.Any(row => row.Seeds.Count > 1) ? "ours (measured here; whisker: standard deviation over seeds)" : "ours (measured here, one seed)";
        var marks = shown.Select(published).ToArray();
        ReferenceRow[] others = [.. (references ?? []).Where(reference => reference.Results.ContainsKey(metric))];
        var otherBars = others.Select((reference, place) => new Bar
        {
            Position = -1 - place,
            Value = factor * reference.Results[metric],
            FillColor = Colors.Gray.WithAlpha(0.5),
            LineWidth = 1.5f,
            LineColor = Colors.Black,
            Size = 0.6,
            Orientation = Orientation.Horizontal,
        }).ToArray();
        if (otherBars.Length > 0)
            plot.Add.Bars(otherBars).LegendText = "for comparison";
        Marks(plot, marks.Select(row => factor * row?.Paper), MarkerShape.FilledDiamond, Palette[1], "paper (published)");
        Marks(plot, marks.Select(row => factor * row?.ReRun), MarkerShape.FilledTriangleUp, Palette[2], "independent re-run (best test epoch)");
        Marks(plot, marks.Select(row => factor * row?.Literature?.Value), MarkerShape.FilledSquare, Palette[4], "other publications, of their own method");

        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. shown.Select((_, place) => (double)place), .. otherBars.Select(bar => bar.Position)],
            [.. shown.Select(row => row.Label), .. others.Select(reference => reference.Label)]);
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        double[] values =
        [
            .. bars.Concat(otherBars).SelectMany(bar => new[] { bar.Value - bar.Error, bar.Value + bar.Error }),
            .. marks.SelectMany(row => new[] { factor * row?.Paper, factor * row?.ReRun, factor * row?.Literature?.Value }).OfType<double>(),
        ];
        // Accuracies differ by points: an axis from 0 would hide that, so it starts under the least and says so by its numbers.
        // A row at chance would flatten all others: the axis starts behind it, and its number alone is there.
        var seen = values.Where(value => !isAccuracy || value >= values.Max() / 2).ToArray();
        var (low, high) = (seen.Min(), seen.Max());
        var room = Math.Max(high - low, 1e-9 + (0.02 * Math.Abs(high))) * 0.12;
        var left = isAccuracy ? Math.Max(0, low - (2 * room)) : Math.Min(0, low);
        plot.Axes.SetLimits(left, isAccuracy ? Math.Min(100, high + (2 * room)) : high + (2 * room), -0.6 - otherBars.Length, shown.Length - 0.4);
        plot.XLabel(AxisOf(metric) + (left > 0 ? " (the axis does not begin at 0)" : ""));
        var longest = shown.Select(row => row.Label).Concat(others.Select(reference => reference.Label)).Max(label => label.Length);
        foreach (var (bar, place) in bars.Concat(otherBars).Select((bar, place) => (bar, place)))
        {
            var number = Number(bar.Value, metric) + (bar.Value < left ? " (off the axis)" : "");
            var mark = place < marks.Length ? marks[place] : null;
            double[] beside = [.. new[] { factor * mark?.Paper, factor * mark?.ReRun, factor * mark?.Literature?.Value }.OfType<double>()];
            var (start, isRaised) = StartOf(number.Length, bar, beside, left, (plot.Axes.GetLimits().Right - left) / (AxisWidth - (LabelLetterWidth * longest)));
            var text = plot.Add.Text(number, start, bar.Position);
            text.OffsetY = isRaised ? -RaisedBy : 0;
            text.LabelAlignment = Alignment.MiddleLeft;
            text.OffsetX = NumberGap;
            text.LabelFontSize = 13;
            text.LabelFontColor = Colors.Black;
            text.LabelBold = true;
        }

        plot.ShowLegend(Edge.Bottom);
        Save(plot, path, 260 + (44 * (shown.Length + others.Length)));
    }

    /// <summary>
    /// How rows learn: for each the mean over its seeds of the accuracy (or loss) on the held-out part, solid, and on the training
    /// set as it was trained, dashed.
    /// </summary>
    /// <param name="runs">The runs, which name their rows.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void LearningCurvesOfRows(IReadOnlyList<RunRecord> runs, string title, string path)
    {
        var isAccuracy = runs.All(run => run.TestAccuracy is not null);
        var plot = NewPlot(title, "epoch", isAccuracy ? "accuracy, %" : "loss");
        foreach (var (row, index) in runs.GroupBy(run => run.Label ?? Label(run)).Select((row, index) => (row, index)))
        {
            var color = Palette[index % Palette.Length];
            // The colours begin again where there are more rows.
            var shape = CurveMarks[index / Palette.Length % CurveMarks.Length];
            Curve(plot, row, isAccuracy ? point => 100 * point.ValidationAccuracy : point => point.ValidationLoss, color, LinePattern.Solid, shape, row.Key);
            Curve(
                plot, row, isAccuracy ? point => 100 * point.TrainingAccuracy : point => point.TrainingLoss, color,
                index < Palette.Length ? LinePattern.Dashed : LinePattern.Dotted, shape, null);
        }

        // The first epoch of a long run is so much worse that the rest would be a flat line; of a short one it is half the picture.
        static bool IsLong(RunRecord run) => run.History.Count > 4;
        var later = runs.Any(IsLong) ? runs.SelectMany(run => run.History.Skip(IsLong(run) ? 1 : 0)).ToArray() : [];

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Margins(0.03, 0.08);
        plot.Axes.Left.MinimumSize = 75;
        if (isAccuracy && later.Length > 0)
            plot.Axes.SetLimitsY(
                Math.Floor(Lowest(later)) - 1,
                Math.Min(100, Math.Ceiling(later.Max(point => 100 * Math.Max(point.TrainingAccuracy ?? 0, point.ValidationAccuracy ?? 0))) + 1));
        plot.Title(title + "\nsolid: held out, dashed or dotted: training");
        plot.ShowLegend(Edge.Right);
        Save(plot, path, 640);
    }

    private static readonly MarkerShape[] CurveMarks = [MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.OpenTriangleUp];

    // Pixels: the axis with a label's letter off for each, a number's letter, half a mark, and how far numbers stand off bars and marks.
    private const double AxisWidth = 960;
    private const double LabelLetterWidth = 8.4;
    private const double LetterWidth = 9;
    private const double MarkWidth = 9;
    private const float NumberGap = 6;
    private const float RaisedBy = 17;

    /// <summary>
    /// Where a bar's number begins: at the bar's foot, or, where the bar is too short for it, right of the whisker; raised where a mark would lie under it.
    /// </summary>
    private static (double Start, bool IsRaised) StartOf(int letters, Bar bar, double[] marks, double left, double pixel)
    {
        var (width, half) = (((letters * LetterWidth) + NumberGap) * pixel, MarkWidth * pixel);
        bool IsCrossed(double start) => marks.Any(mark => mark + half > start && mark - half < start + width);
        if (left + width <= bar.Value - bar.Error && !IsCrossed(left))
            return (left, false);
        var end = Math.Max(left, bar.Value + bar.Error);
        return (end, IsCrossed(end));
    }

    /// <summary>The least accuracy but for the lowest of thirty epochs: one that broke off would press all others into a few points.</summary>
    private static double Lowest(EpochPoint[] points)
    {
        double[] sorted = [.. points.Select(point => 100 * Math.Min(point.TrainingAccuracy ?? 1, point.ValidationAccuracy ?? 1)).Order()];
        return sorted[sorted.Length / 30];
    }

    private static string AxisOf(string metric) => metric switch
    {
        PublishedRow.Accuracy => "test accuracy, %",
        "RMSE" => "RMSE, µg/m³",
        _ => ResultRows.Name(metric),
    };

    private static string Number(double value, string metric) => value.ToString(
        metric == PublishedRow.Accuracy ? "F2" : "G4", System.Globalization.CultureInfo.InvariantCulture);

    private static void Curve(
        Plot plot, IEnumerable<RunRecord> row, Func<EpochPoint, double?> read, Color color, LinePattern pattern, MarkerShape shape, string? label)
    {
        var points = row.SelectMany(run => run.History).GroupBy(point => point.Epoch).OrderBy(epoch => epoch.Key)
            .Select(epoch => (epoch.Key, Mean: epoch.Average(read))).Where(point => point.Mean is not null).ToArray();
        if (points.Length == 0)
            return;
        var line = plot.Add.Scatter(points.Select(point => (double)point.Key).ToArray(), points.Select(point => point.Mean!.Value).ToArray(), color);
        line.LinePattern = pattern;
        line.LineWidth = label is null ? 1 : 2;
        line.MarkerShape = shape;
        line.MarkerSize = label is null ? 0 : shape == CurveMarks[0] ? 5 : 9;
        if (label is not null)
            line.LegendText = label;
    }

    private static void Marks(Plot plot, IEnumerable<double?> values, MarkerShape shape, Color color, string label)
    {
        var points = values.Select((value, place) => (Value: value, Place: (double)place)).Where(point => point.Value is not null).ToArray();
        if (points.Length == 0)
            return;
        var marks = plot.Add.Markers(
            points.Select(point => point.Value!.Value).ToArray(), points.Select(point => point.Place).ToArray(), shape, 13, color);
        marks.LegendText = label;
    }

    internal static void Save(Plot plot, string path, int height) => Save(plot, path, 1000, height);

    /// <summary>Writes a plot as a PNG file, whole or not at all.</summary>
    /// <param name="plot">The plot.</param>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels across.</param>
    /// <param name="height">Pixels down.</param>
    public static void Save(Plot plot, string path, int width, int height) =>
        AtomicFile.WriteAllBytes(path, PalettePng.Of(plot.GetImage(width, height).GetImageBytes(ImageFormat.Png)));
}
