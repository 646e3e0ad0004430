using ScottPlot;
using ScottPlot.TickGenerators;

namespace MappingNets.Experiments.Reporting;

/// <summary>The pictures of measurements that go over orders of magnitude.</summary>
public static partial class Plots
{
    /// <summary>Bars in groups, the height on a logarithmic axis, each with its number.</summary>
    /// <param name="rows">Group, series and positive value of each bar; groups and series in the order in which they come first.</param>
    /// <param name="axis">What the values are.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="path">The PNG file.</param>
    public static void GroupedBars(IReadOnlyList<(string Group, string Series, double Value)> rows, string axis, string title, string path)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var plot = NewPlot(title, "", axis);
        var (groups, series) = (rows.Select(row => row.Group).Distinct().ToArray(), rows.Select(row => row.Series).Distinct().ToArray());
        var width = 0.8 / series.Length;
        // Bars of a logarithmic axis need a floor of their own.
        var floor = Math.Floor(Math.Log10(rows.Min(row => row.Value)) - 0.3);
        foreach (var (name, index) in series.Select((name, index) => (name, index)))
        {
            var bars = rows.Where(row => row.Series == name).Select(row => new Bar
            {
                Position = Array.IndexOf(groups, row.Group) + ((index - ((series.Length - 1) / 2.0)) * width),
                ValueBase = floor,
                Value = Math.Log10(row.Value),
                FillColor = Palette[index],
                LineWidth = 0,
                Size = 0.92 * width,
                Label = row.Value.ToString(row.Value < 100 ? "G3" : "N0", System.Globalization.CultureInfo.InvariantCulture),
            }).ToArray();
            var shown = plot.Add.Bars(bars);
            shown.LegendText = name;
            shown.ValueLabelStyle.FontSize = 11;
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual([.. groups.Select((_, place) => (double)place)], groups);
        plot.Axes.Left.TickGenerator = PowersOfTen();
        plot.Axes.SetLimits(-0.6, groups.Length - 0.4, floor, Math.Log10(rows.Max(row => row.Value)) + 0.9);
        plot.ShowLegend(Alignment.UpperLeft);
        Save(plot, path);
    }
}
