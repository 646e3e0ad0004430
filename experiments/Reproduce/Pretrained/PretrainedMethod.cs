using MappingNets.Experiments.Rivals.FineTuning;

namespace MappingNets.Experiments.Reproduce;

/// <summary>A row: one way to fine-tune, with one number of trained parameters.</summary>
/// <param name="Name">Its name on the command line, such as "scales-2048".</param>
/// <param name="Method">The method, which all its rows share, their learning rate too.</param>
/// <param name="Create">Builds the untrained model from the pretrained weights and a seed.</param>
internal sealed record PretrainedRow(string Name, PretrainedMethod Method, Func<TargetNetwork, PretrainedWeights, ulong, Model> Create)
{
    /// <summary>What tables call it; plots draw a line through the rows of one label.</summary>
    public string Label => $"{PretrainedMethod.Network} {Method.Label}";

    /// <summary>How many parameters it asks for, where that may be more than there are scales, shifts and head.</summary>
    public int? Budget { get; private init; }

    /// <summary>Whether a network has enough weights for the row.</summary>
    /// <param name="target">The network.</param>
    public bool Fits(TargetNetwork target) =>
        Budget is not { } budget || budget <= target.Parameters.Where(parameter => ScalesAndHead(target).Contains(parameter.Name)).Sum(parameter => parameter.Count);

    /// <summary>All rows, in the table's order.</summary>
    public static IReadOnlyList<PretrainedRow> All { get; } = [.. Rows()];

    /// <summary>The row of a name.</summary>
    /// <param name="name">The name.</param>
    public static PretrainedRow Named(string name) => All.Single(row => row.Name == name);

    private static IEnumerable<PretrainedRow> Rows()
    {
        yield return new("full", PretrainedMethod.Full, (target, pretrained, seed) =>
            FineTuning.Of(target, pretrained).WholeWeights().WithSeed(seed).Build());
        yield return new("head", PretrainedMethod.HeadAlone, (target, pretrained, seed) =>
            FineTuning.Of(target, pretrained).WholeWeights(PretrainedMethod.Head).WithSeed(seed).Build());
        yield return new("direct-scales", PretrainedMethod.DirectScales, (target, pretrained, seed) =>
            FineTuning.Of(target, pretrained).WholeWeights(ScalesAndHead(target)).WithSeed(seed).Build());
        foreach (var rank in new[] { 1, 2, 4 })
            yield return new(FormattableString.Invariant($"lora-{rank}"), PretrainedMethod.LowRank, (target, pretrained, seed) =>
                FineTuning.Of(target, pretrained).LowRank(rank).WholeWeights(PretrainedMethod.Head).WithSeed(seed).Build());
        yield return new("vera-64", PretrainedMethod.Vera, (target, pretrained, seed) => Vera.Build(target, pretrained, PretrainedMethod.Head, 64, seed));
        yield return new("vera-64-b-32", PretrainedMethod.PacedVera, (target, pretrained, seed) =>
            Vera.Build(target, pretrained, PretrainedMethod.Head, 64, seed, PretrainedMethod.VeraPace));
        foreach (var budget in new[] { 8_192, 16_384 })
            yield return new(FormattableString.Invariant($"uni-lora-{budget}"), PretrainedMethod.UniLora, (target, pretrained, seed) => UniLoraOnTop.Build(
                target, pretrained, PretrainedMethod.Head, 4, budget - (int)HeadCount(target), seed));
        foreach (var budget in new[] { 2_048, 8_192, 16_384 })
            yield return new(FormattableString.Invariant($"subspace-{budget}"), PretrainedMethod.Subspace, (target, pretrained, seed) =>
                FineTuning.Of(target, pretrained).Mapping(mapping => mapping.SingleLatent(budget).WithFixedWeights(FixedWeightsKind.Hadamard))
                    .WithSeed(seed).Build());
        foreach (var budget in new[] { 512, 1_024, 2_048, 4_096, 8_192, 16_384 })
            yield return new(FormattableString.Invariant($"scales-{budget}"), PretrainedMethod.Scales, (target, pretrained, seed) =>
                FineTuning.Of(target, pretrained).Scales(budget).WithSeed(seed).Build())
            {
                Budget = budget,
            };
    }

    private static string[] ScalesAndHead(TargetNetwork target) =>
    [
        .. target.Parameters.Where(parameter => parameter.Shape.Count == 1 || parameter.Name.StartsWith(PretrainedMethod.Head + ".", StringComparison.Ordinal))
            .Select(parameter => parameter.Name),
    ];

    private static long HeadCount(TargetNetwork target) =>
        target.Parameters.Where(parameter => parameter.Name.StartsWith(PretrainedMethod.Head + ".", StringComparison.Ordinal)).Sum(parameter => parameter.Count);
}

/// <summary>A way to fine-tune.</summary>
/// <param name="Name">Its name in rates.json.</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Searched">The row whose held-out accuracy chooses the learning rate of all.</param>
/// <param name="Rate">Where the search begins: a usual rate of the method for Adam.</param>
/// <param name="Chosen">What the search chose on CIFAR-10 with 100 pictures a class, for the other data sets.</param>
internal sealed record PretrainedMethod(string Name, string Label, string Searched, double Rate, double Chosen)
{
    /// <summary>How many times the head's rate VeRA's b has in rows that give it one of its own.</summary>
    public const int VeraPace = 32;

    /// <summary>What the labels begin with.</summary>
    public const string Network = "ResNet-18";

    /// <summary>The layer that is appended to the features.</summary>
    public const string Head = "head";

    public static readonly PretrainedMethod Full = new("full", "all weights", "full", 3e-4, 1e-4);
    public static readonly PretrainedMethod HeadAlone = new("head", "head", "head", 3e-3, 3.3e-4);
    public static readonly PretrainedMethod DirectScales = new("direct-scales", "scales and head, direct", "direct-scales", 3e-3, 9e-3);
    public static readonly PretrainedMethod LowRank = new("lora", "LoRA + head", "lora-2", 3e-3, 1e-3);
    public static readonly PretrainedMethod Vera = new("vera", "VeRA + head", "vera-64", 1e-2, 3.7e-4);
    public static readonly PretrainedMethod PacedVera = new("vera-b-32", "VeRA + head, b times 32", "vera-64-b-32", 1e-3, 9e-3);
    public static readonly PretrainedMethod UniLora = new("uni-lora", "Uni-LoRA + head", "uni-lora-8192", 1e-2, 1.1e-3);
    public static readonly PretrainedMethod Subspace = new("subspace", "random subspace", "subspace-8192", 1e-2, 1.2e-4);
    public static readonly PretrainedMethod Scales = new("scales", "Scales", "scales-4096", 1e-2, 1e-2);
}
