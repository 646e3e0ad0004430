namespace MappingNets.Experiments.Reporting;

/// <summary>The mean of a number over seeds and how far the seeds lie apart.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardDeviation">The sample's standard deviation (divided by n - 1); null for a single seed.</param>
public sealed record Spread(double Mean, double? StandardDeviation)
{
    // Student's t for 95% of the middle, by degrees of freedom from 1 on.
    private static readonly double[] Quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

    /// <summary>Half of the 95% interval of the mean (Student's t); null for a single seed.</summary>
    /// <param name="seeds">How many numbers there were.</param>
    public double? HalfInterval(int seeds) =>
        StandardDeviation is { } deviation ? Quantiles[Math.Min(seeds - 2, Quantiles.Length - 1)] * deviation / Math.Sqrt(seeds) : null;

    /// <summary>The spread of some numbers; null where one is missing or there are none.</summary>
    /// <param name="values">One number a seed.</param>
    public static Spread? Of(IEnumerable<double?> values)
    {
        var all = values.ToArray();
        if (all.Length == 0 || all.Any(value => value is null))
            return null;
        var mean = all.Average()!.Value;
        return new(mean, all.Length < 2 ? null : Math.Sqrt(all.Sum(value => Math.Pow(value!.Value - mean, 2)) / (all.Length - 1)));
    }
}

/// <summary>A row of a table: all runs that differ in nothing but the seed.</summary>
/// <param name="Row">The row's name on the command line; null for runs of programs without rows.</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Method">How it was trained.</param>
/// <param name="Target">The target network's name.</param>
/// <param name="Trainable">How many numbers were trained.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Train">Accuracy on the training set.</param>
/// <param name="HeldOut">Accuracy on the held-out part.</param>
/// <param name="Test">Accuracy on the test set.</param>
/// <param name="TrainLoss">Loss on the training set.</param>
/// <param name="HeldOutLoss">Loss on the held-out part.</param>
/// <param name="TestLoss">Loss on the test set.</param>
/// <param name="Figures">Further results by name.</param>
public sealed record RunSummary(
    string? Row,
    string Label,
    string Method,
    string Target,
    long Trainable,
    IReadOnlyList<ulong> Seeds,
    Spread? Train,
    Spread? HeldOut,
    Spread? Test,
    Spread? TrainLoss,
    Spread? HeldOutLoss,
    Spread? TestLoss,
    IReadOnlyDictionary<string, Spread>? Figures)
{
    /// <summary>The rows of some runs, in the order in which they first come.</summary>
    /// <param name="runs">The runs.</param>
    public static IReadOnlyList<RunSummary> Of(IEnumerable<RunRecord> runs) =>
        [.. runs.GroupBy(run => (run.Row, Label: run.Label ?? Plots.Label(run))).Select(row => Of(row.Key.Row, row.Key.Label, [.. row]))];

    /// <summary>A result by the name that the table of published numbers has for it.</summary>
    /// <param name="metric">"accuracy" or "loss" on the test set, or the name of a figure.</param>
    public Spread? Result(string metric) => metric switch
    {
        PublishedRow.Accuracy => Test,
        PublishedRow.Loss => TestLoss,
        _ => Figures?.GetValueOrDefault(metric),
    };

    private static RunSummary Of(string? row, string label, RunRecord[] runs)
    {
        Spread? Over(Func<RunRecord, double?> number) => Spread.Of(runs.Select(number));
        var names = runs.SelectMany(run => run.Figures?.Keys ?? []).Distinct();
        var figures = names.Select(name => (Name: name, Spread: Over(run => run.Figures is { } all && all.TryGetValue(name, out var value) ? value : null)))
            .Where(pair => pair.Spread is not null).ToDictionary(pair => pair.Name, pair => pair.Spread!);
        return new(
            row,
            label,
            runs[0].Method,
            runs[0].Target,
            runs[0].Trainable,
            [.. runs.Select(run => run.Seed)],
            Over(run => run.TrainAccuracy),
            Over(run => run.HeldOutAccuracy),
            Over(run => run.TestAccuracy),
            Over(run => run.TrainLoss),
            Over(run => run.HeldOutLoss),
            Over(run => run.TestLoss),
            figures.Count == 0 ? null : figures);
    }
}
