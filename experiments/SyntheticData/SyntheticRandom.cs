using MappingNets.Core;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>Chance from a seed, the same on every machine and in every version of .NET.</summary>
/// <param name="seed">Any seed.</param>
/// <param name="stream">What it is for; different purposes get independent numbers of one seed.</param>
internal sealed class SyntheticRandom(ulong seed, string stream)
{
    private readonly CounterHash.Key key = CounterHash.named(stream, CounterHash.ofSeed(seed));
    private ulong drawn;

    /// <summary>Uniform in [low, high).</summary>
    public double Between(double low, double high) => low + ((high - low) * CounterHash.uniformDouble(key, drawn++));

    /// <summary>Standard normal.</summary>
    public double Normal() => CounterHash.normal(key, drawn++);

    /// <summary>Uniform over 0 to bound - 1.</summary>
    public int Below(int bound) => (int)CounterHash.below(key, (ulong)bound, drawn++);

    /// <summary>True with a probability.</summary>
    public bool Chance(double probability) => Between(0, 1) < probability;
}
