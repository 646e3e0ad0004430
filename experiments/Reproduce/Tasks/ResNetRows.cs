using MappingNets.Experiments.Rivals;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The rows of the table of residual networks: the paper's of ResNet-18, and the literature's of ResNet-20, each beside rivals of about 10,000 parameters.</summary>
internal static class ResNetRows
{
    private const int Budget = 10_000;

    /// <summary>NOLA's published count.</summary>
    private const int NolaBudget = 11_500;

    /// <summary>The rank of what is called "low rank first".</summary>
    private const int Rank = 8;

    private const string Small = "resnet20";

    /// <summary>A step of ResNet-20 takes about so much of one of ResNet-18.</summary>
    private const double SmallCost = 0.1;

    /// <summary>All rows.</summary>
    /// <param name="resNet18">Makes the paper's network.</param>
    /// <param name="resNet20">Makes the literature's.</param>
    public static IReadOnlyList<ExperimentRow> Of(Func<TargetNetwork> resNet18, Func<TargetNetwork> resNet20) =>
    [
        .. new[] { TaskRows.Direct("", resNet18) }
            .Concat(new[] { 10_000, 15_000, 20_000 }.Select(latents => TaskRows.Lwt("", resNet18, latents)))
            .Concat(Rivals("", "", resNet18))
            .Select(row => row with { Label = "ResNet-18 " + row.Label }),
        .. new[] { TaskRows.Direct(Small, resNet20) }
            .Concat(new[] { 10_000, 15_000, 20_000 }.Select(latents => TaskRows.Lwt(Small, resNet20, latents)))
            .Concat(Rivals(Small + "-", "ResNet-20 ", resNet20))
            .Select(row => row with { Label = row.Label.Replace("RESNET20", "ResNet-20", StringComparison.Ordinal), Cost = SmallCost }),
    ];

    private static IEnumerable<ExperimentRow> Rivals(string prefix, string label, Func<TargetNetwork> target) =>
    [
        new(
            FormattableString.Invariant($"{prefix}lwt-low-rank-{Budget}"), FormattableString.Invariant($"{label}LWT {Budget:N0}, low rank first"),
            seed => MappingNetwork.For(target().LowRank("*", Rank)).LayerWise(Budget).WithSeed(seed).Build())
        {
            Notes = FormattableString.Invariant($"The latents generate factors of rank {Rank} instead of the matrices."),
        },
        new(
            FormattableString.Invariant($"{prefix}pranc-{Budget}"), FormattableString.Invariant($"{label}PRANC {Budget:N0}"),
            seed => Pranc.BuildStructured(target(), Budget, seed))
        {
            Notes = "The random networks are the columns of a Fastfood matrix, because dense ones would not fit into memory.",
        },
        new(
            FormattableString.Invariant($"{prefix}nola-{NolaBudget}"), FormattableString.Invariant($"{label}NOLA-style {NolaBudget:N0}"),
            seed => Nola.Build(target(), NolaBudget, seed))
        {
            Notes = "At most so many coefficients, equally many for each factor; from scratch, in this library's network.",
        },
        new(
            FormattableString.Invariant($"{prefix}mcnc-{Budget}"), FormattableString.Invariant($"{label}MCNC {Budget:N0}"),
            seed => Mcnc.Build(target(), Budget, seed))
        {
            Notes = Mcnc.Note,
        },
        new(
            FormattableString.Invariant($"{prefix}mcnc-low-rank-{Budget}"), FormattableString.Invariant($"{label}MCNC {Budget:N0}, low rank first"),
            seed => Mcnc.BuildLowRank(target(), Budget, seed))
        {
            Notes = Mcnc.Note,
        },
    ];
}
