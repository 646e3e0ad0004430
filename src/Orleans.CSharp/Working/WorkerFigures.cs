namespace MappingNets;

/// <summary>What a worker counts: how many workers there are, and the bytes of gradients and statistics that it exchanges.</summary>
internal sealed class WorkerFigures
{
    private long sent;
    private long received;
    private int workers;

    public long Sent => Interlocked.Read(ref sent);

    public long Received => Interlocked.Read(ref received);

    public int Workers => Volatile.Read(ref workers);

    public void Count(Contribution contribution, StepReply reply)
    {
        Interlocked.Add(ref sent, contribution.Bytes);
        Interlocked.Add(ref received, reply.Records.Sum(record => (long)record.Gradient.Length + record.Statistics.Length));
        if (reply.Workers > 0)
            Volatile.Write(ref workers, reply.Workers);
    }
}
