using ScottPlot;
using SkiaSharp;

namespace MappingNets.Experiments.Reporting;

/// <summary>Pictures of weight trajectories.</summary>
public static class TrajectoryPlots
{
    /// <summary>The share of the variance on the first k principal axes, one line for each part; the random walk dashed.</summary>
    /// <param name="parts">The parts of one seed.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void ExplainedVariance(IReadOnlyList<TrajectoryRecord> parts, string title, string path)
    {
        var plot = Plots.NewPlot(title, "number of principal axes", "explained variance, %");
        foreach (var (part, index) in parts.Select((part, index) => (part, index)))
        {
            var isChance = part.Part == TrajectoryRecord.RandomWalk;
            var color = isChance ? Colors.Gray : Plots.ColorOf(index);
            var axes = Enumerable.Range(1, part.ExplainedVariance.Count).Select(k => (double)k).ToArray();
            var line = plot.Add.Scatter(axes, [.. part.ExplainedVariance.Select(share => 100 * share)], color);
            line.LineWidth = part.Part == "theta" ? 3 : 2;
            line.MarkerSize = part.Part == "theta" ? 7 : 4;
            line.LinePattern = isChance ? LinePattern.Dashed : LinePattern.Solid;
            line.LegendText = part.Part switch
            {
                "theta" => "all weights",
                TrajectoryRecord.RandomWalk => "random walk, steps of the same lengths",
                var layer => layer,
            };
        }

        var lowest = parts.Min(part => part.ExplainedVariance[0]);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.SetLimits(0.5, parts.Max(part => part.ExplainedVariance.Count) + 0.5, Math.Floor(10 * lowest) * 10 - 5, 101);
        plot.ShowLegend(Alignment.LowerRight);
        Plots.Save(plot, path);
    }

    /// <summary>The trajectory on its first two principal axes, from start to end, beside a random walk on its own.</summary>
    /// <param name="trajectory">Coordinates in order of training.</param>
    /// <param name="walk">Coordinates of the random walk.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Path(
        IReadOnlyList<(double X, double Y)> trajectory, IReadOnlyList<(double X, double Y)> walk, string title, string path)
    {
        var plot = Plots.NewPlot(title, "first principal axis", "second principal axis");
        Walk(plot, walk, Colors.Gray, 1, "random walk, steps of the same lengths (on its own axes)");
        Walk(plot, trajectory, Plots.ColorOf(0), 2, "training");
        Mark(plot, trajectory[0], MarkerShape.OpenCircle, "start");
        Mark(plot, trajectory[^1], MarkerShape.FilledDiamond, "end");
        plot.ShowLegend(Edge.Bottom);
        Plots.Save(plot, path);
    }

    /// <summary>t-SNE of each part in a picture of its own: dots from the start of training (dark) to its end (bright), joined in order.</summary>
    /// <param name="parts">The parts' names and embeddings.</param>
    /// <param name="path">The PNG file.</param>
    public static void Neighbours(IReadOnlyList<(string Part, IReadOnlyList<(double X, double Y)> Places)> parts, string path)
    {
        var colors = new ScottPlot.Colormaps.Viridis();
        var pictures = new Multiplot();
        pictures.AddPlots(parts.Count);
        pictures.Layout = new ScottPlot.MultiplotLayouts.Grid((parts.Count + 2) / 3, 3);
        foreach (var ((part, places), plot) in parts.Zip(pictures.GetPlots()))
        {
            plot.Title($"t-SNE: {part}");
            var line = plot.Add.Scatter(places.Select(place => place.X).ToArray(), places.Select(place => place.Y).ToArray(), Colors.LightGray);
            line.MarkerSize = 0;
            foreach (var (place, index) in places.Select((place, index) => (place, index)))
                plot.Add.Marker(place.X, place.Y, MarkerShape.FilledCircle, 6, colors.GetColor((double)index / Math.Max(1, places.Count - 1)));
            Mark(plot, places[0], MarkerShape.OpenCircle, "start");
            Mark(plot, places[^1], MarkerShape.OpenDiamond, "end");
            plot.HideLegend();
            plot.HideGrid();
            foreach (var axis in new IAxis[] { plot.Axes.Left, plot.Axes.Right, plot.Axes.Bottom, plot.Axes.Top })
                axis.IsVisible = false;
        }

        AtomicFile.WriteAllBytes(path, PalettePng.Of(WithCaption(
            pictures.Render(1000, 360 * ((parts.Count + 2) / 3)).GetImageBytes(ImageFormat.Png),
            "Dots: the weights in order of training, from dark (first) to bright (last). Circle: start. Diamond: end.")));
    }

    private static byte[] WithCaption(byte[] picture, string caption)
    {
        using var drawn = SKBitmap.Decode(picture);
        using var surface = SKSurface.Create(new SKImageInfo(drawn.Width, drawn.Height + 34));
        using var font = new SKFont(SKTypeface.Default, 16);
        using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.DrawBitmap(drawn, 0, 0);
        surface.Canvas.DrawText(caption, 12, drawn.Height + 22, font, paint);
        using var image = surface.Snapshot();
        using var bytes = image.Encode(SKEncodedImageFormat.Png, 100);
        return bytes.ToArray();
    }

    private static void Walk(Plot plot, IReadOnlyList<(double X, double Y)> points, Color color, float width, string label)
    {
        var line = plot.Add.Scatter(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), color);
        line.LineWidth = width;
        line.MarkerSize = 4;
        line.LegendText = label;
    }

    private static void Mark(Plot plot, (double X, double Y) point, MarkerShape shape, string label)
    {
        var marker = plot.Add.Marker(point.X, point.Y, shape, 14, Plots.ColorOf(1));
        marker.MarkerStyle.LineWidth = 2;
        marker.LegendText = label;
    }
}
