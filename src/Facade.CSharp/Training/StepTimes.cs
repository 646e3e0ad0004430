namespace MappingNets;

/// <summary>
/// How long steps took: all of them at first, then every second one, every fourth one and so on, so that there are never more than a
/// few thousand and the same ones are kept in however many pieces a run is made.
/// </summary>
internal sealed class StepTimes
{
    private const int Most = 4096;
    private readonly List<double> kept = [];
    private long seen;
    private long distance = 1;

    /// <summary>The kept times in milliseconds, in the order of the steps.</summary>
    public IReadOnlyList<double> Kept => kept;

    /// <summary>The median of the kept times; 0 where there is none.</summary>
    public double Median
    {
        get
        {
            if (kept.Count == 0)
                return 0;
            var sorted = kept.Order().ToArray();
            var middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    /// <summary>Counts a step.</summary>
    /// <param name="milliseconds">How long it took.</param>
    public void Add(double milliseconds)
    {
        if (seen++ % distance == 0)
            kept.Add(milliseconds);
        if (kept.Count <= Most)
            return;
        double[] everySecond = [.. kept.Where((_, index) => index % 2 == 0)];
        kept.Clear();
        kept.AddRange(everySecond);
        distance *= 2;
    }

    /// <summary>Goes on from what an earlier process kept.</summary>
    /// <param name="times">The kept times.</param>
    /// <param name="steps">How many steps they are of.</param>
    public void Take(IReadOnlyList<double> times, long steps)
    {
        kept.Clear();
        kept.AddRange(times);
        (seen, distance) = (steps, 1);
        while ((steps + distance - 1) / distance > Most)
            distance *= 2;
    }
}
