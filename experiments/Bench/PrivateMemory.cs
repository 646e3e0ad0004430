using System.Diagnostics;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Bench;

/// <summary>The most private memory of this process beyond that at the start, looked at every 20 ms, less often where that takes long.</summary>
internal sealed class PrivateMemory : IDisposable
{
    private readonly Thread watch;
    private readonly ManualResetEventSlim stop = new();
    private readonly long before = ProcessMemory.PrivateBytes();
    private long peak;

    public PrivateMemory()
    {
        peak = before;
        watch = new(() =>
        {
            // The system takes long to look at much memory, and keeps the others from it meanwhile.
            var last = TimeSpan.Zero;
            do
            {
                var started = Stopwatch.GetTimestamp();
                peak = Math.Max(peak, ProcessMemory.PrivateBytes());
                last = Stopwatch.GetElapsedTime(started);
            }
            while (!stop.Wait(TimeSpan.FromMilliseconds(20) + (4 * last)));
        })
        { IsBackground = true };
        watch.Start();
    }

    /// <summary>The peak so far, bytes.</summary>
    public long PeakBytes => Math.Max(peak, ProcessMemory.PrivateBytes()) - before;

    public void Dispose()
    {
        stop.Set();
        watch.Join();
        stop.Dispose();
    }
}
