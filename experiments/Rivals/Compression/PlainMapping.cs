using MappingNets.Core;

namespace MappingNets.Experiments.Rivals.Compression;

/// <summary>
/// The mapping that <see cref="MappingNetwork"/> builds where no step says otherwise, for any layout: signed permutation, no modulation,
/// identity, uniform bias, scale 1 / sqrt(fan-in), start at z = 0.
/// </summary>
internal static class PlainMapping
{
    /// <summary>The mapping.</summary>
    /// <param name="layout">What it generates.</param>
    /// <param name="split">One latent or one for each layer.</param>
    /// <param name="seed">The seed of fixed weights and bias.</param>
    /// <returns>The caller disposes it.</returns>
    public static Mapping Of(ParameterLayout layout, LatentSplit split, ulong seed) => MappingModule.create(layout, new(
        split,
        FixedWeightsKind.SignedPermutation,
        seed,
        [Modulation.NoModulation],
        MappingActivation.Identity,
        MappingBias.Uniform,
        ScaleRule.NewFanInScale(1),
        trainableScale: false,
        LatentStart.ZeroStart));

    /// <summary>The layout of a network's weights.</summary>
    /// <param name="target">The network.</param>
    public static ParameterLayout LayoutOf(TargetNetwork target) => ParameterLayoutModule.create(
        target.Parameters.Select(parameter => Tuple.Create(parameter.Name, parameter.Shape.ToArray(), parameter.FanIn)));

    /// <summary>The split of a model that the library built.</summary>
    /// <param name="model">The model.</param>
    public static LatentSplit SplitOf(MappedModel model) => model.LatentSplit is [{ Key: "theta", Value: var count }]
        ? LatentSplit.NewSingleLatent(count)
        : LatentSplit.NewLayerWise([.. model.LatentSplit.Select(pair => Tuple.Create(pair.Key, pair.Value))]);
}
