using System.Diagnostics;
using System.Globalization;

namespace MappingNets.Experiments.Bench;

/// <summary>The most private memory of this process beyond that at the start, looked at every few milliseconds.</summary>
internal sealed class PrivateMemory : IDisposable
{
    private readonly Thread watch;
    private readonly ManualResetEventSlim stop = new();
    private readonly long before = Now();
    private long peak;

    public PrivateMemory()
    {
        peak = before;
        watch = new(() =>
        {
            do
                peak = Math.Max(peak, Now());
            while (!stop.Wait(5));
        })
        { IsBackground = true };
        watch.Start();
    }

    /// <summary>The peak so far, bytes.</summary>
    public long PeakBytes => Math.Max(peak, Now()) - before;

    public void Dispose()
    {
        stop.Set();
        watch.Join();
        stop.Dispose();
    }

    /// <summary>Pages that this process alone has and has written; its whole working set where the system does not tell them apart.</summary>
    private static long Now()
    {
        const string rollup = "/proc/self/smaps_rollup";
        if (File.Exists(rollup))
            foreach (var line in File.ReadLines(rollup))
                if (line.StartsWith("Private_Dirty:", StringComparison.Ordinal))
                    return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
