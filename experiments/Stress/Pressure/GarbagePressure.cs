namespace MappingNets.Experiments.Stress;

/// <summary>Two threads that allocate and force garbage collections until disposal.</summary>
internal sealed class GarbagePressure : IDisposable
{
    private readonly Thread[] threads;
    private volatile bool stops;
    private long collections;

    public GarbagePressure()
    {
        threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(Allocate) { IsBackground = true })];
        foreach (var thread in threads)
            thread.Start();
    }

    /// <summary>How many collections were forced so far.</summary>
    public long Collections => Interlocked.Read(ref collections);

    public void Dispose()
    {
        stops = true;
        foreach (var thread in threads)
            thread.Join();
    }

    private void Allocate()
    {
        // Some survive for a while, as in a program that does other work.
        var kept = new object[64];
        for (var count = 0; !stops; count++)
        {
            kept[count % kept.Length] = new byte[10_000];
            if (count % 16 != 0)
                continue;
            GC.Collect(count % 1024 == 0 ? 2 : 0);
            Interlocked.Increment(ref collections);
        }
    }
}
