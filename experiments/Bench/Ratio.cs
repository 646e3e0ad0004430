namespace MappingNets.Experiments.Bench;

/// <summary>Two things measured in turn, A B A B ..., and their ratio pair by pair: what a noisy machine leaves comparable.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">The unit of the two medians.</param>
/// <param name="A">The median of the first.</param>
/// <param name="B">The median of the second.</param>
/// <param name="Minimum">The smallest ratio A / B of a pair.</param>
/// <param name="Median">The median ratio.</param>
/// <param name="Maximum">The largest ratio.</param>
/// <param name="Pairs">How many pairs were measured.</param>
/// <param name="Goal">What the median should reach, such as "&lt;= 1.05"; null where there is no goal.</param>
/// <param name="Reached">Whether it does; null where there is no goal.</param>
public sealed record Ratio(
    string Name, string Unit, double A, double B, double Minimum, double Median, double Maximum, int Pairs, string? Goal, bool? Reached)
{
    /// <summary>The lower end of the median's interval of about 95%, by order statistics; with few pairs the smallest ratio.</summary>
    public double? Low { get; init; }

    /// <summary>The upper end of that interval.</summary>
    public double? High { get; init; }

    /// <summary>Measures pairs in turn.</summary>
    /// <param name="name">What is measured.</param>
    /// <param name="unit">The unit of what the functions return.</param>
    /// <param name="pairs">How many pairs count; one more goes first and is thrown away.</param>
    /// <param name="a">Measures the first once.</param>
    /// <param name="b">Measures the second once.</param>
    /// <param name="atMost">The goal as an upper bound of the median ratio.</param>
    /// <param name="atLeast">The goal as a lower bound of the median ratio.</param>
    public static Ratio Measure(
        string name, string unit, int pairs, Func<double> a, Func<double> b, double? atMost = null, double? atLeast = null)
    {
        a();
        b();
        var first = new double[pairs];
        var second = new double[pairs];
        for (var pair = 0; pair < pairs; pair++)
        {
            first[pair] = a();
            second[pair] = b();
        }

        var ratios = first.Zip(second, (x, y) => x / y).Order().ToArray();
        var median = MedianOf(ratios);
        var rank = Math.Max(0, (int)((pairs - 1.96 * Math.Sqrt(pairs)) / 2) - 1);
        return new(
            name, unit, MedianOf(first), MedianOf(second), ratios[0], median, ratios[^1], pairs,
            atMost is { } upper ? FormattableString.Invariant($"<= {upper}")
                : atLeast is { } lower ? FormattableString.Invariant($">= {lower}") : null,
            atMost is { } most ? median <= most : atLeast is { } least ? median >= least : null)
        {
            Low = ratios[rank],
            High = ratios[^(rank + 1)],
        };
    }

    /// <summary>The median of some values.</summary>
    /// <param name="values">At least one value.</param>
    public static double MedianOf(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
