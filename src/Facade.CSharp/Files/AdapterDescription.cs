using System.Text.Json;
using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How an adapter file describes its mapping, as JSON: everything but the latent itself.</summary>
internal sealed partial record AdapterDescription
{
    private const string CustomPrefix = "custom:";

    public required string FixedWeights { get; init; }

    /// <summary>
    /// The version of the fixed weights, written where it matters: where some latent vector has fewer than eight entries. Files
    /// from before there was a second version have none and mean the first.
    /// </summary>
    public int? FixedWeightsVersion { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>d of a single latent; null where each layer has its own.</summary>
    public int? SingleLatent { get; init; }

    /// <summary>The layers' latents in order; null for a single latent.</summary>
    public IReadOnlyList<LayerLatents>? LayerWise { get; init; }

    public required string Modulation { get; init; }

    public double? ModulationStrength { get; init; }

    public required string Activation { get; init; }

    public required string Bias { get; init; }

    public double? FanInGain { get; init; }

    public double[]? Scales { get; init; }

    public bool TrainableScale { get; init; }

    public double StartAmplitude { get; init; }

    /// <summary>The coefficients of the auxiliary loss terms when training ended, by name.</summary>
    public IReadOnlyDictionary<string, double>? Coefficients { get; init; }

    /// <summary>The tensors of the target that are products of two factors; null where there are none.</summary>
    public IReadOnlyList<TensorRank>? LowRank { get; init; }

    public sealed record LayerLatents(string Layer, int Latents);

    public static string NameOf(FixedWeightsKind kind) => kind switch
    {
        FixedWeightsKind.Dense => "dense",
        FixedWeightsKind.Hadamard => "hadamard",
        _ => "signed-permutation",
    };

    public static AdapterDescription Of(MappingSpecification specification, IReadOnlyDictionary<string, double> coefficients)
    {
        var modulation = specification.Modulations.Length == 1
            ? specification.Modulations[0]
            : throw new NotSupportedException("A mapping with a modulation of its own for each piece cannot be saved.");
        return new()
        {
            FixedWeights = NameOf(specification.FixedWeights),
            FixedWeightsVersion = specification.FixedWeightsVersion > 1 && HasSmallLatents(specification.Split)
                ? specification.FixedWeightsVersion
                : null,
            Seed = specification.Seed,
            SingleLatent = (specification.Split as Core.LatentSplit.SingleLatent)?.count,
            LayerWise = (specification.Split as Core.LatentSplit.LayerWise)?.counts
                .Select(pair => new LayerLatents(pair.Item1, pair.Item2)).ToArray(),
            Modulation = modulation switch
            {
                Core.Modulation.AdditiveModulation => "additive",
                Core.Modulation.LinearModulation => "linear",
                Core.Modulation.CustomModulation custom => CustomPrefix + custom.Item.Name,
                _ => "none",
            },
            ModulationStrength = (modulation as Core.Modulation.AdditiveModulation)?.strength,
            Activation = specification.Activation.ToString().ToLowerInvariant(),
            Bias = specification.Bias.ToString().ToLowerInvariant(),
            FanInGain = (specification.Scale as ScaleRule.FanInScale)?.gain,
            Scales = (specification.Scale as ScaleRule.ExplicitScale)?.scales,
            TrainableScale = specification.TrainableScale,
            StartAmplitude = (specification.Start as LatentStart.UniformStart)?.amplitude ?? 0,
            Coefficients = coefficients.Count == 0 ? null : coefficients,
        };
    }

    public static AdapterDescription FromJson(string json) =>
        FileJson.Read<AdapterDescription>(json, FileJson.Strict) is var description
        && description.LayerWise?.Any(layer => layer is null) is not true
        && description.LowRank?.Any(piece => piece is null) is not true
            ? description
            : throw new JsonException("The description or one of its layers is null.");

    public string ToJson() => JsonSerializer.Serialize(this, FileJson.Strict);

    /// <summary>Whether the modulation is a function that the file does not hold.</summary>
    public bool NeedsFunction() => Modulation.StartsWith(CustomPrefix, StringComparison.Ordinal);

    /// <summary>Whether the modulation is a map that the file holds as a tensor.</summary>
    public bool NeedsMap() => Modulation == "linear";

    /// <summary>d, the length of the latent.</summary>
    public long LatentCount() => SingleLatent ?? LayerWise?.Sum(layer => (long)layer.Latents) ?? 0;

    /// <summary>The core's value. Faults throw FormatException.</summary>
    /// <param name="linearMap">The map of a linear modulation, where there is one.</param>
    /// <param name="custom">Makes the modulation of a name whose function the file does not hold; null where no function was given.</param>
    public MappingSpecification ToSpecification(Tensor? linearMap = null, Func<string, Core.Modulation>? custom = null) => new(
        (SingleLatent, LayerWise) switch
        {
            ({ } count, null) => Core.LatentSplit.NewSingleLatent(count),
            (null, { } layers) => Core.LatentSplit.NewLayerWise([.. layers.Select(layer => Tuple.Create(layer.Layer, layer.Latents))]),
            _ => throw new FormatException("it must name either a single latent or layer-wise latents"),
        },
        FixedWeights switch
        {
            "dense" => FixedWeightsKind.Dense,
            "hadamard" => FixedWeightsKind.Hadamard,
            "signed-permutation" => FixedWeightsKind.SignedPermutation,
            _ => throw new FormatException($"it names unknown fixed weights, '{MessageText.Of(FixedWeights)}'"),
        },
        Seed,
        [ToModulation(linearMap, custom)],
        Activation switch
        {
            "identity" => MappingActivation.Identity,
            "tanh" => MappingActivation.Tanh,
            "sine" => MappingActivation.Sine,
            _ => throw new FormatException($"it names an unknown activation, '{MessageText.Of(Activation)}'"),
        },
        Bias switch
        {
            "uniform" => MappingBias.Uniform,
            "zero" => MappingBias.Zero,
            _ => throw new FormatException($"it names an unknown bias, '{MessageText.Of(Bias)}'"),
        },
        (FanInGain, Scales) switch
        {
            ({ } gain, null) => ScaleRule.NewFanInScale(gain),
            (null, { } scales) => ScaleRule.NewExplicitScale(scales),
            _ => throw new FormatException("it must name either a gain or scales"),
        },
        TrainableScale,
        StartAmplitude == 0 ? LatentStart.ZeroStart : LatentStart.NewUniformStart(StartAmplitude),
        Version());

    private static bool HasSmallLatents(Core.LatentSplit split) => split switch
    {
        Core.LatentSplit.SingleLatent single => single.count < 8,
        Core.LatentSplit.LayerWise layers => layers.counts.Any(pair => pair.Item2 < 8),
        _ => false,
    };

    private int Version()
    {
        var isSmall = SingleLatent < 8 || LayerWise?.Any(layer => layer.Latents < 8) is true;
        return FixedWeightsVersion is not { } version
            ? isSmall ? 1 : Core.FixedWeightsModule.currentVersion
            : version >= 1 && version <= Core.FixedWeightsModule.currentVersion
            ? version
            : throw new FormatException(
                $"it names version {version} of the fixed weights; this library knows 1 to {Core.FixedWeightsModule.currentVersion}");
    }

    private Core.Modulation ToModulation(Tensor? linearMap, Func<string, Core.Modulation>? custom) => Modulation switch
    {
        "none" => Core.Modulation.NoModulation,
        "additive" when ModulationStrength is { } strength => Core.Modulation.NewAdditiveModulation(strength),
        "linear" when linearMap is not null => Core.Modulation.NewLinearModulation(linearMap),
        _ when NeedsFunction() => custom is null
            ? throw new FormatException(
                $"it was trained with the modulation '{MessageText.Of(Modulation[CustomPrefix.Length..])}', whose function has to be given when it is loaded")
            : custom(Modulation[CustomPrefix.Length..]),
        _ => throw new FormatException($"it names an unknown or incomplete modulation, '{MessageText.Of(Modulation)}'"),
    };
}
