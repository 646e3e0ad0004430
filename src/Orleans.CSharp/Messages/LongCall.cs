namespace MappingNets;

/// <summary>
/// Calls that carry gradients or states. Orleans gives up any call after 30 s by default, which a long message on a slow line exceeds; so these have more, and
/// <see cref="ClusterLine{TGrain}"/> gives them up after twice a deadline, which is the user's to set.
/// </summary>
internal static class LongCall
{
    /// <summary>After what time Orleans gives them up, as a <see cref="TimeSpan"/> in words.</summary>
    public const string Timeout = "01:00:00";
}
