namespace MappingNets.Experiments.Fuzz;

/// <summary>SplitMix64: the same case number gives the same case on every machine and version.</summary>
internal sealed class Chance(ulong seed)
{
    private ulong state = seed;

    public ulong Next()
    {
        var value = state += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>From 0 to below a limit of at least 1.</summary>
    public int Below(int limit) => (int)(Next() % (ulong)Math.Max(1, limit));

    public bool OneIn(int times) => Below(times) == 0;

    public T Of<T>(IReadOnlyList<T> all) => all[Below(all.Count)];
}
