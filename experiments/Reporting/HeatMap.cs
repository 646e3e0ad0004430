using System.Globalization;
using ScottPlot;

namespace MappingNets.Experiments.Reporting;

/// <summary>A picture of a number that depends on two settings.</summary>
public static class HeatMap
{
    /// <summary>Writes the picture, with each number in its field.</summary>
    /// <param name="rows">The setting from top to bottom.</param>
    /// <param name="columns">The setting from left to right.</param>
    /// <param name="values">From row and column to the number; NaN leaves a field empty.</param>
    /// <param name="axes">What rows and columns are.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(
        IReadOnlyList<string> rows, IReadOnlyList<string> columns, Func<int, int, double> values, (string Rows, string Columns) axes, string title, string path)
    {
        var numbers = new double[rows.Count, columns.Count];
        for (var row = 0; row < rows.Count; row++)
            for (var column = 0; column < columns.Count; column++)
                numbers[row, column] = values(row, column);
        var finite = numbers.Cast<double>().Where(double.IsFinite).ToArray();
        if (finite.Length == 0)
            return;

        var plot = Plots.NewPlot(title, axes.Columns, axes.Rows);
        var map = plot.Add.Heatmap(numbers);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        // Room on both sides of equal numbers, which have no range of their own.
        var (low, high) = (finite.Min(), finite.Max());
        var range = Math.Max(high - low, 0.1);
        map.ManualRange = new(low - (0.25 * range), high + (0.05 * range));
        for (var row = 0; row < rows.Count; row++)
            for (var column = 0; column < columns.Count; column++)
                if (double.IsFinite(numbers[row, column]))
                {
                    // The first row of the array is drawn at the top.
                    var text = plot.Add.Text(
                        numbers[row, column].ToString("F2", CultureInfo.InvariantCulture), column, rows.Count - 1 - row);
                    text.LabelAlignment = Alignment.MiddleCenter;
                    text.LabelFontSize = 17;
                    text.LabelBold = true;
                    text.LabelFontColor = numbers[row, column] > low + (0.55 * range) ? Colors.Black : Colors.White;
                }

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual([.. columns.Select((_, place) => (double)place)], [.. columns]);
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. rows.Select((_, place) => (double)(rows.Count - 1 - place))], [.. rows]);
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.MinimumSize = 60 + (9 * rows.Max(row => row.Length));
        plot.HideGrid();
        plot.Axes.SetLimits(-0.5, columns.Count - 0.5, -0.5, rows.Count - 0.5);
        Plots.Save(plot, path, 200 + (90 * rows.Count));
    }
}
