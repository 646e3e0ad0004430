using System.Diagnostics;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>Runs rounds for a time and takes samples between them.</summary>
internal sealed class SoakClock(TimeSpan time)
{
    private const int Samples = 120;

    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly List<SoakSample> samples = [];

    /// <summary>Whether a further round is to be run; takes a sample where it is time for one.</summary>
    /// <param name="rounds">How many rounds are done.</param>
    public bool GoesOn(long rounds)
    {
        if (watch.Elapsed >= samples.Count * time / Samples)
        {
            ProcessMemory.Collect();
            samples.Add(new(watch.Elapsed.TotalSeconds, ProcessMemory.PrivateBytes(), GC.GetTotalMemory(false), rounds));
        }

        return watch.Elapsed < time;
    }

    /// <summary>The samples so far.</summary>
    public IReadOnlyList<SoakSample> Taken => samples;
}
