using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>The pictures of tables.</summary>
public static partial class Plots
{
    /// <summary>
    /// Our result of each row as a bar, or as a point where the axis does not begin at 0, with its standard deviation over the seeds; what the paper prints, what the re-run got and what other
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
        var isAccuracy = PublishedRow.IsPercentage(metric);
        var factor = isAccuracy ? 100 : 1;
        var plot = NewPlot(title, "", "");
        var shown = rows.Where(row => row.Result(metric) is not null).Reverse().ToArray();
        if (shown.Length == 0)
            return;
        ReferenceRow[] others = [.. (references ?? []).Where(reference => reference.Results.ContainsKey(metric))];
        Entry[] entries =
        [
            .. shown.Select((row, place) => new Entry(row.Label, place, factor * row.Result(metric)!.Mean, factor * (row.Result(metric)!.StandardDeviation ?? 0), published(row), factor)),
            .. others.Select((reference, place) => new Entry(reference.Label, -1 - place, factor * reference.Results[metric], 0, null, factor)),
        ];
        // Where one number is many times another, the smaller ones would be one on an axis from 0.
        double[] all = [.. entries.SelectMany(entry => entry.Published.Append(entry.Value))];
        var isLog = !isAccuracy && all.Min() > 0 && all.Max() / all.Min() > LargestLinear;
        double On(double value) => isLog ? Math.Log10(value) : value;
        double Low(Entry entry) => isLog && entry.Value <= entry.Deviation ? On(entry.Value) : On(entry.Value - entry.Deviation);

        double[] values = [.. entries.SelectMany(entry => entry.Published.Select(On).Append(Low(entry)).Append(On(entry.Value + entry.Deviation)))];
        // Accuracies differ by points: an axis from 0 would hide that, so it starts under the least and says so by its numbers.
        // A row at chance would flatten all others: the axis starts behind it, and its number alone is there.
        var seen = values.Where(value => !isAccuracy || value >= values.Max() / 2).ToArray();
        var (low, high) = (seen.Min(), seen.Max());
        var room = Math.Max(high - low, 1e-9 + (0.02 * Math.Abs(high))) * 0.12;
        var left = isLog ? low - room : isAccuracy ? Math.Max(0, low - (2 * room)) : Math.Min(0, low);
        var data = isAccuracy ? Math.Min(100, high + (2 * room)) : high + (2 * room);
        // The numbers stand in a column of their own, where no mark, which is another's number, is beside them.
        string NumberOf(Entry entry) => Number(entry.Value, metric) + (On(entry.Value) < left ? " (off the axis)" : "");
        var pixels = AxisWidth - (LabelLetterWidth * entries.Max(entry => entry.Label.Length));
        var column = (entries.Max(entry => NumberOf(entry).Length) * LetterWidth) + (2 * NumberGap);
        var right = left + ((data - left) * pixels / (pixels - column));
        plot.Axes.SetLimits(left, right, -0.6 - others.Length, shown.Length - 0.4);
        // Lengths mean nothing where they do not begin at 0, so there are points in place of bars.
        var isBars = !isLog && left <= 0;
        var ours = shown.Any(row => row.Seeds.Count > 1) ? "measured here; whisker: standard deviation over seeds" : "measured here, one seed";
        Draw(plot, [.. entries.Take(shown.Length)], isBars, On, Low, left, Palette[0], ours);
        if (others.Length > 0)
            Draw(plot, [.. entries.Skip(shown.Length)], isBars, On, Low, left, Colors.Gray, "for comparison");
        Marks(plot, shown.Select(row => Place(published(row)?.Paper)), MarkerShape.FilledDiamond, Palette[1], "paper (published)");
        Marks(plot, shown.Select(row => Place(published(row)?.ReRun)), MarkerShape.FilledTriangleUp, Palette[2], "independent re-run (best test epoch)");
        Marks(plot, shown.Select(row => Place(published(row)?.Literature?.Value)), MarkerShape.FilledSquare, Palette[4], "other publications, of their own method");
        double? Place(double? number) => number is { } given ? On(factor * given) : null;

        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. entries.Select(entry => (double)entry.Position)], [.. entries.Select(entry => entry.Label)]);
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        if (isLog)
            plot.Axes.Bottom.TickGenerator = DecadeTicks();
        else if (isAccuracy)
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
            {
                // The column of numbers may lie where no accuracy is.
                LabelFormatter = value => value > 100 ? "" : value.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture),
            };
        plot.XLabel(AxisOf(metric) + (isLog ? " (logarithmic)" : ""));
        foreach (var entry in entries)
        {
            var text = plot.Add.Text(NumberOf(entry), right, entry.Position);
            text.LabelAlignment = Alignment.MiddleRight;
            text.OffsetX = -NumberGap;
            text.LabelFontSize = 13;
            text.LabelFontColor = entry.Position < 0 ? Colors.Gray : Palette[0];
            text.LabelBold = true;
        }

        plot.ShowLegend(Edge.Bottom);
        Save(plot, path, 260 + (44 * entries.Length));
    }

    /// <summary>A row of the picture.</summary>
    private sealed record Entry(string Label, int Position, double Value, double Deviation, PublishedRow? Row, int Factor)
    {
        public double[] Published => [.. new[] { Factor * Row?.Paper, Factor * Row?.ReRun, Factor * Row?.Literature?.Value }.OfType<double>()];
    }

    private static void Draw(Plot plot, Entry[] entries, bool isBars, Func<double, double> on, Func<Entry, double> low, double left, Color color, string label)
    {
        if (isBars)
        {
            plot.Add.Bars(entries.Select(entry => new Bar
            {
                Position = entry.Position,
                Value = entry.Value,
                Error = entry.Deviation,
                FillColor = color.WithAlpha(0.75),
                // The whisker has the outline's line: without a width there is none.
                LineWidth = 1.5f,
                LineColor = Colors.Black,
                Size = 0.6,
                Orientation = Orientation.Horizontal,
            }).ToArray()).LegendText = label;
            return;
        }

        Entry[] visible = [.. entries.Where(entry => on(entry.Value) >= left)];
        foreach (var entry in visible.Where(entry => entry.Deviation > 0))
        {
            var whisker = plot.Add.Line(low(entry), entry.Position, on(entry.Value + entry.Deviation), entry.Position);
            (whisker.Color, whisker.LineWidth, whisker.MarkerShape, whisker.MarkerSize) = (Colors.Black, 1.5f, MarkerShape.VerticalBar, 12);
        }

        var points = plot.Add.Markers(visible.Select(entry => on(entry.Value)).ToArray(), visible.Select(entry => (double)entry.Position).ToArray(), MarkerShape.FilledCircle, 2 * PointRadius, color);
        points.LegendText = label;
    }

    /// <summary>1, 2 and 5 in each power of ten, whose logarithms the axis has.</summary>
    public static ScottPlot.TickGenerators.NumericManual DecadeTicks()
    {
        double[] places = [.. from power in Enumerable.Range(-9, 19) from step in new[] { 1, 2, 5 } select power + Math.Log10(step)];
        return new(places, [.. places.Select(place => Math.Pow(10, place).ToString(place < 0 ? "G2" : "N0", System.Globalization.CultureInfo.InvariantCulture))]);
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

    /// <summary>An axis from 0 serves numbers of which none is more than so many times another.</summary>
    private const double LargestLinear = 8;

    // Pixels: the axis with a label's letter off for each, a number's letter, how far numbers stand off the edge, and a point.
    private const double AxisWidth = 960;
    private const double LabelLetterWidth = 8.4;
    private const double LetterWidth = 9;
    private const float NumberGap = 6;
    private const float PointRadius = 7;

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
        PublishedRow.IsPercentage(metric) ? "F2" : "G4", System.Globalization.CultureInfo.InvariantCulture);

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
