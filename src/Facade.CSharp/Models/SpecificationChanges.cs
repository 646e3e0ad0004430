using MappingNets.Core;

namespace MappingNets;

/// <summary>C#'s `with` for the core's specification, which is an F# record.</summary>
internal static class SpecificationChanges
{
    public static MappingSpecification With(
        this MappingSpecification specification,
        LatentSplit? split = null,
        Core.FixedWeightsKind? fixedWeights = null,
        Modulation[]? modulations = null,
        Activation? activation = null,
        BiasRule? bias = null,
        ScaleRule? scale = null,
        bool? trainableScale = null,
        LatentStart? start = null) =>
        new(
            split ?? specification.Split,
            fixedWeights ?? specification.FixedWeights,
            specification.Seed,
            modulations ?? specification.Modulations,
            activation ?? specification.Activation,
            bias ?? specification.Bias,
            scale ?? specification.Scale,
            trainableScale ?? specification.TrainableScale,
            start ?? specification.Start);

    public static MappingSpecification WithSeed(this MappingSpecification specification, ulong seed) =>
        new(
            specification.Split,
            specification.FixedWeights,
            seed,
            specification.Modulations,
            specification.Activation,
            specification.Bias,
            specification.Scale,
            specification.TrainableScale,
            specification.Start);
}
