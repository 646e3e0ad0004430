using MappingNets.Core;

namespace MappingNets;

/// <summary>One of the ways in which an adapter changes tensors of its base, as JSON.</summary>
internal sealed record FineTuningPart
{
    private const string KindGroups = "groups";
    private const string KindMapping = "mapping";
    private const string KindLowRank = "low-rank";

    /// <summary>"groups", "mapping" or "low-rank".</summary>
    public required string Kind { get; init; }

    /// <summary>The tensors that groups or a mapping change; "all", or null for a mapping, for every one that has no values of its own.</summary>
    public IReadOnlyList<string>? Tensors { get; init; }

    public int? Latents { get; init; }

    public long? GroupSize { get; init; }

    public double? Strength { get; init; }

    public string? Grouping { get; init; }

    /// <summary>The mapping of the additive form.</summary>
    public AdapterDescription? Mapping { get; init; }

    /// <summary>The rank of each tensor that low rank changes.</summary>
    public IReadOnlyList<TensorRank>? Ranks { get; init; }

    public static FineTuningPart OfGroups(
        IReadOnlyList<string> tensors, int latents, long groupSize, double strength, WeightGrouping grouping) => new()
        {
            Kind = KindGroups,
            Tensors = tensors,
            Latents = latents,
            GroupSize = groupSize,
            Strength = strength,
            Grouping = grouping.ToString().ToLowerInvariant(),
        };

    public static FineTuningPart OfMapping(IReadOnlyList<string>? tensors, MappingSpecification specification) => new()
    {
        Kind = KindMapping,
        Tensors = tensors,
        Mapping = AdapterDescription.Of(specification, new Dictionary<string, double>()),
    };

    public static FineTuningPart OfLowRank(IReadOnlyList<(string Name, int Rank)> ranks, double strength) => new()
    {
        Kind = KindLowRank,
        Ranks = [.. ranks.Select(piece => new TensorRank(piece.Name, piece.Rank))],
        Strength = strength,
    };

    /// <summary>The function it describes. What is wrong with it throws FormatException or ArgumentException.</summary>
    public Increment ToIncrement(TargetNetwork target, FineTuningConfiguration whole) => Kind switch
    {
        KindGroups when Tensors is not null && Latents is { } latents && GroupSize is { } size && Strength is { } strength =>
            new GroupIncrement(
                Core.FineTuning.plan(target.Layout, Selected(target, whole, Tensors), latents, size, ToGrouping(Grouping), GroupKey(whole.Seed)), strength),
        KindMapping when Mapping is { } mapping => ToMapping(target, mapping),
        KindLowRank when Ranks is { Count: > 0 } ranks && Strength is { } strength =>
            new LowRankIncrement(target.Layout, CheckRanks(target, ranks), strength, whole.Seed),
        _ => throw new FormatException($"it describes an unknown or incomplete way of fine-tuning, '{Kind}'"),
    };

    private MappingIncrement ToMapping(TargetNetwork target, AdapterDescription mapping)
    {
        if (Tensors is null)
            return new(Core.FineTuning.increment(target.Layout, mapping.ToSpecification()), null);
        var part = new TargetPart(target, Tensors);
        return new(Core.FineTuning.increment(part.Layout, mapping.ToSpecification()), part.Places);
    }

    private static IReadOnlyList<(string, int)> CheckRanks(TargetNetwork target, IReadOnlyList<TensorRank> ranks)
    {
        foreach (var piece in ranks)
            if (piece is null || piece.Rank < 1 || !target.Parameters.Any(parameter => parameter.Name == piece.Name && parameter.Shape.Count > 1))
                throw new FormatException($"it gives the rank {piece?.Rank} to '{piece?.Name}', which is no matrix of the target");
        return [.. ranks.Select(piece => (piece.Name, piece.Rank))];
    }

    private static IEnumerable<string> Selected(TargetNetwork target, FineTuningConfiguration whole, IReadOnlyList<string> tensors) =>
        tensors is [LayerPatterns.All]
            ? target.Parameters.Select(parameter => parameter.Name).Where(name => !whole.Head.Contains(name))
            : tensors;

    private static CounterHash.Key GroupKey(ulong seed) => CounterHash.named("fine-tuning-groups", CounterHash.ofSeed(seed));

    private static WeightGrouping ToGrouping(string? grouping) => grouping switch
    {
        "contiguous" => WeightGrouping.Contiguous,
        "hashed" => WeightGrouping.Hashed,
        _ => throw new FormatException($"it names an unknown grouping, '{grouping}'"),
    };
}
