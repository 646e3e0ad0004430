using System.Diagnostics;

namespace MappingNets.Experiments.Reproduce;

/// <summary>How far a whole experiment is, and how long the rest will take: as long, for its work, as what was done here.</summary>
/// <param name="planned">The work of each run to come, in any unit; null where nobody knows.</param>
internal sealed class RunClock(IReadOnlyList<double>? planned)
{
    private readonly Stopwatch watch = new();
    private double measured;
    private double left = planned?.Sum() ?? 0;
    private double current;
    private double? from;
    private int number;

    /// <summary>Leaves a run out that was taken over.</summary>
    public void Skip(double work)
    {
        number++;
        left -= work;
    }

    /// <summary>Starts the next run.</summary>
    public void Start(double work)
    {
        number++;
        current = work;
        from = null;
        watch.Start();
    }

    /// <summary>Hears of the run's first step, which is not at its beginning where it was resumed.</summary>
    /// <param name="fraction">The share of the run before that step.</param>
    public void From(double fraction) => from ??= fraction;

    /// <summary>Ends it.</summary>
    public void Finish()
    {
        watch.Stop();
        measured += (1 - (from ?? 1)) * current;
        left -= current;
        current = 0;
    }

    /// <summary>"run 3 of 12, about 14 min left".</summary>
    /// <param name="fraction">The share of the current run that is done.</param>
    public string Line(double fraction)
    {
        if (planned is null)
            return $"run {number}";
        var done = measured + (Math.Max(0, fraction - (from ?? 0)) * current);
        var place = $"run {number} of {planned.Count}";
        return done <= 0 ? place : $"{place}, about {Text(watch.Elapsed * ((left - (fraction * current)) / done))} left";
    }

    private static string Text(TimeSpan time) => time.TotalMinutes < 1.5
        ? FormattableString.Invariant($"{Math.Max(0, time.TotalSeconds):F0} s")
        : time.TotalHours < 2
            ? FormattableString.Invariant($"{time.TotalMinutes:F0} min")
            : FormattableString.Invariant($"{time.TotalHours:F1} h");
}
