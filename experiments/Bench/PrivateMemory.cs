using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Bench;

/// <summary>The most private memory of this process beyond that at the start, looked at every few milliseconds.</summary>
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
            do
                peak = Math.Max(peak, ProcessMemory.PrivateBytes());
            while (!stop.Wait(5));
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
