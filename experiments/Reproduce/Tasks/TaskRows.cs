namespace MappingNets.Experiments.Reproduce;

/// <summary>The three kinds of rows that the tables of the tasks have.</summary>
internal static class TaskRows
{
    /// <summary>Direct training.</summary>
    /// <param name="prefix">The target's part of the row's name, such as "cnn1"; empty where the table has one target.</param>
    /// <param name="target">Makes the target.</param>
    public static ExperimentRow Direct(string prefix, Func<TargetNetwork> target) =>
        new(Named(prefix, "direct"), Labelled(prefix, "direct"), seed => DirectModel.For(target(), seed));

    /// <summary>One latent vector for the whole target.</summary>
    /// <param name="prefix">As for direct training.</param>
    /// <param name="target">Makes the target.</param>
    /// <param name="latents">d.</param>
    public static ExperimentRow Slvt(string prefix, Func<TargetNetwork> target, int latents) => new(
        Named(prefix, $"slvt-{latents}"),
        Labelled(prefix, FormattableString.Invariant($"SLVT {latents:N0}")),
        seed => MappingNetwork.For(target()).SingleLatent(latents).WithSeed(seed).Build());

    /// <summary>Latents for each layer.</summary>
    /// <param name="prefix">As for direct training.</param>
    /// <param name="target">Makes the target.</param>
    /// <param name="latents">The total number.</param>
    public static ExperimentRow Lwt(string prefix, Func<TargetNetwork> target, int latents) => new(
        Named(prefix, $"lwt-{latents}"),
        Labelled(prefix, FormattableString.Invariant($"LWT {latents:N0}")),
        seed => MappingNetwork.For(target()).LayerWise(latents).WithSeed(seed).Build());

    private static string Named(string prefix, string method) => prefix.Length == 0 ? method : $"{prefix}-{method}";

    private static string Labelled(string prefix, string method) => prefix.Length == 0 ? method : $"{prefix.ToUpperInvariant()} {method}";
}
