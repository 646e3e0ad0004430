using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// One vector behind all low-rank factors: every number of every factor U and V (<see cref="FactoredWeights"/>) is one entry of the
/// trained vector z, chosen at random,
/// <code>
/// f_i = z[j(i)] / sqrt(n_j),    n_j the number of factors' entries that share z_j,
/// </code>
/// so that the projection from z to f has orthonormal columns: it keeps lengths. W = W_0 + s U V / sqrt(r).
/// <para>
/// After Kaiyang Li and others, "Uni-LoRA: One Vector is All You Need" (2025), where W_0 is a pretrained network and the factors adapt it.
/// Here W_0 is a random start: training is from scratch. z starts uniform within 1, because at 0 the product of the factors has no
/// gradient. The projection is multiplied by 2, so that U V starts half as large as W_0: on held-out images that did better than 1, and
/// ranks 4 and 8 did alike.
/// </para>
/// </summary>
internal static class UniLora
{
    /// <summary>The method's name.</summary>
    public const string Method = "uni-lora";

    private const int Rank = 8;

    private const double Gain = 2;

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">The length of z.</param>
    /// <param name="seed">The seed of W_0, of the sharing and of the start.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var factored = new FactoredWeights(target, Rank, seed);
        var shared = SeededTensors.Indices(SeededTensors.Key(seed, "uni-lora-sharing"), budget, factored.Count);
        using var scope = NewDisposeScope();
        var sharers = zeros(budget).index_add(0, shared, ones(factored.Count), 1);
        var weight = (Gain * sharers.rsqrt().index_select(0, shared)).DetachFromDisposeScope();
        using var start = SeededTensors.Uniform(SeededTensors.Key(seed, "uni-lora-start"), 1, budget);
        return GeneratedModel.For(
            target,
            Method,
            [new("z", start)],
            trained => factored.Theta(trained[0].index_select(0, shared) * weight),
            [factored, shared, weight],
            learningRate: 0.1,
            fixedWeights: $"isometric sharing, rank {Rank}");
    }
}
