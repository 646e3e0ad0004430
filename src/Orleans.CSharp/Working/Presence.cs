namespace MappingNets;

/// <summary>
/// Whether workers live. Each is heard beside its training, so that none counts as ended because a step or an evaluation takes long; how long the
/// others wait for what it computes is another matter.
/// </summary>
internal static class Presence
{
    /// <summary>Lets a worker be heard until it is disposed.</summary>
    public static IDisposable Of<TGrain>(ClusterLine<TGrain> line, TimeSpan deadline, Func<TGrain, Task> hear)
        where TGrain : Orleans.IGrainWithStringKey =>
        new Timer(_ => _ = line.TryTellAsync(hear), null, deadline / 4, deadline / 4);
}
