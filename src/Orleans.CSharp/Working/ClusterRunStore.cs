namespace MappingNets;

/// <summary>The state of a run in the cluster: read when a worker joins, and written after an epoch by the worker that is asked to, after the last one by all.</summary>
internal sealed class ClusterRunStore(ClusterLine<IRunGrain> line, string run, RunTerms terms, byte[] state) : IRunStore
{
    /// <summary>This worker's gradients, once there are any.</summary>
    public SharedGradients? Gradients { get; set; }

    public string Name => $"cluster run '{run}'";

    public IDisposable? Take() => null;

    public SafetensorsFile? Open() => state.Length == 0 ? null : SafetensorsFile.Read(new MemoryStream(state), Name);

    // The cluster keeps it, or says so.
    public void RequireWritable()
    {
    }

    public void Keep(long step, Action<Stream> write)
    {
        if (Gradients is not { KeepsState: true })
            return;
        using var stream = new MemoryStream();
        write(stream);
        var bytes = stream.ToArray();
        line.RequireRoom("The state after an epoch", bytes.Length);
        line.Tell(grain => grain.Keep(step, terms, bytes));
    }
}
