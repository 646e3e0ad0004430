using System.Globalization;

namespace MappingNets.Experiments.Reproduce;

/// <summary>One choice of the mapping's settings.</summary>
/// <param name="Latents">d.</param>
/// <param name="Split">"slvt", or "lwt" and the power by which layers share the latents.</param>
/// <param name="Alpha">The strength of the additive modulation; 0 for none.</param>
/// <param name="Activation">sigma.</param>
/// <param name="Kind">The fixed weights.</param>
internal sealed record SweepPoint(int Latents, string Split, double Alpha, MappingActivation Activation, FixedWeightsKind Kind)
{
    public static IReadOnlyList<int> AllLatents { get; } = [512, 1_024, 2_048, 4_096];

    public static IReadOnlyList<string> Splits { get; } = ["slvt", "lwt-0.25", "lwt-0.5"];

    public static IReadOnlyList<double> Alphas { get; } = [0, 0.001, 0.01];

    public static IReadOnlyList<MappingActivation> Activations { get; } = Enum.GetValues<MappingActivation>();

    public static IReadOnlyList<FixedWeightsKind> Kinds { get; } = Enum.GetValues<FixedWeightsKind>();

    /// <summary>All combinations.</summary>
    public static IEnumerable<SweepPoint> All =>
        from latents in AllLatents
        from split in Splits
        from alpha in Alphas
        from activation in Activations
        from kind in Kinds
        select new SweepPoint(latents, split, alpha, activation, kind);

    /// <summary>The row's name: "slvt-2048-alpha0.001-tanh-hadamard".</summary>
    public string Name => FormattableString.Invariant($"{Split}-{Latents}-alpha{Alpha}-{Text(Activation)}-{Text(Kind)}");

    /// <summary>The settings in words.</summary>
    public string Label => FormattableString.Invariant($"{Split} {Latents:N0}, alpha {Alpha}, {Text(Activation)}, {Text(Kind)}");

    /// <summary>Builds the model.</summary>
    /// <param name="seed">The seed.</param>
    public Model Build(ulong seed)
    {
        var mapping = MappingNetwork.For(Targets.Cnn2()).WithSeed(seed).WithActivation(Activation).WithFixedWeights(Kind);
        mapping = Split == "slvt"
            ? mapping.SingleLatent(Latents)
            : mapping.LayerWise(Latents, double.Parse(Split["lwt-".Length..], CultureInfo.InvariantCulture));
        return (Alpha == 0 ? mapping.WithoutModulation() : mapping.WithAdditiveModulation(Alpha)).Build();
    }

    private static string Text(MappingActivation activation) => activation.ToString().ToLowerInvariant();

    private static string Text(FixedWeightsKind kind) => kind == FixedWeightsKind.SignedPermutation ? "permutation" : kind.ToString().ToLowerInvariant();
}
