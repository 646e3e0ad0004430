using System.Text.Json;
using System.Text.Json.Serialization;
using MappingNets.Core;

namespace MappingNets;

/// <summary>What an adapter says of how it changes its base, as JSON: everything but the numbers and the base.</summary>
internal sealed record FineTuningConfiguration
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    private const string KindGroups = "groups";
    private const string KindMapping = "mapping";
    private const string KindLowRank = "low-rank";

    /// <summary>"groups", "mapping" or "low-rank".</summary>
    public required string Kind { get; init; }

    /// <summary>The tensors whose own values are in the adapter; empty where the base's head is kept.</summary>
    public required IReadOnlyList<string> Head { get; init; }

    /// <summary>The tensors that were started anew from the seed and not taken from the base.</summary>
    public required IReadOnlyList<string> NewHead { get; init; }

    /// <summary>The tensors whose weights the groups move; "all" for every one that is no head.</summary>
    public IReadOnlyList<string>? Tensors { get; init; }

    public int? Latents { get; init; }

    public long? GroupSize { get; init; }

    public double? Strength { get; init; }

    public string? Grouping { get; init; }

    public ulong Seed { get; init; }

    /// <summary>The mapping of the additive form.</summary>
    public AdapterDescription? Mapping { get; init; }

    /// <summary>The rank of each adapted tensor.</summary>
    public IReadOnlyList<TensorRank>? Ranks { get; init; }

    public sealed record TensorRank(string Name, int Rank);

    public static FineTuningConfiguration OfGroups(
        IReadOnlyList<string> tensors, int latents, long groupSize, double strength, WeightGrouping grouping, ulong seed,
        IReadOnlyList<string> head, IReadOnlyList<string> newHead) => new()
        {
            Kind = KindGroups,
            Tensors = tensors,
            Latents = latents,
            GroupSize = groupSize,
            Strength = strength,
            Grouping = grouping.ToString().ToLowerInvariant(),
            Seed = seed,
            Head = head,
            NewHead = newHead,
        };

    public static FineTuningConfiguration OfMapping(
        MappingSpecification specification, IReadOnlyList<string> head, IReadOnlyList<string> newHead) => new()
        {
            Kind = KindMapping,
            Mapping = AdapterDescription.Of(specification, new Dictionary<string, double>()),
            Seed = specification.Seed,
            Head = head,
            NewHead = newHead,
        };

    public static FineTuningConfiguration OfLowRank(
        IReadOnlyList<(string Name, int Rank)> ranks, double strength, ulong seed, IReadOnlyList<string> head, IReadOnlyList<string> newHead) => new()
        {
            Kind = KindLowRank,
            Ranks = [.. ranks.Select(piece => new TensorRank(piece.Name, piece.Rank))],
            Strength = strength,
            Seed = seed,
            Head = head,
            NewHead = newHead,
        };

    public static FineTuningConfiguration FromJson(string json) =>
        JsonSerializer.Deserialize<FineTuningConfiguration>(json, Json) ?? throw new JsonException("The configuration is null.");

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>The function it describes. What is wrong with it throws FormatException or ArgumentException.</summary>
    public Increment ToIncrement(TargetNetwork target) => Kind switch
    {
        KindGroups when Tensors is not null && Latents is { } latents && GroupSize is { } size && Strength is { } strength =>
            new GroupIncrement(
                Core.FineTuning.plan(target.Layout, Selected(target, Tensors), latents, size, ToCore(Grouping), GroupKey(Seed)), strength),
        KindMapping when Mapping is { } mapping =>
            new MappingIncrement(Core.FineTuning.increment(target.Layout, mapping.ToSpecification(target, null, null))),
        KindLowRank when Ranks is { Count: > 0 } ranks && Strength is { } strength =>
            new LowRankIncrement(target.Layout, CheckRanks(target, ranks), strength, Seed),
        _ => throw new FormatException($"it describes an unknown or incomplete way of fine-tuning, '{Kind}'"),
    };

    private static IReadOnlyList<(string, int)> CheckRanks(TargetNetwork target, IReadOnlyList<TensorRank> ranks)
    {
        foreach (var piece in ranks)
            if (piece is null || piece.Rank < 1 || !target.Parameters.Any(parameter => parameter.Name == piece.Name && parameter.Shape.Count > 1))
                throw new FormatException($"it gives the rank {piece?.Rank} to '{piece?.Name}', which is no matrix of the target");
        return [.. ranks.Select(piece => (piece.Name, piece.Rank))];
    }

    private IEnumerable<string> Selected(TargetNetwork target, IReadOnlyList<string> tensors) =>
        tensors is [LayerPatterns.All]
            ? target.Parameters.Select(parameter => parameter.Name).Where(name => !Head.Contains(name))
            : tensors;

    private static CounterHash.Key GroupKey(ulong seed) => CounterHash.named("fine-tuning-groups", CounterHash.ofSeed(seed));

    private static WeightGrouping ToCore(string? grouping) => grouping switch
    {
        "contiguous" => WeightGrouping.Contiguous,
        "hashed" => WeightGrouping.Hashed,
        _ => throw new FormatException($"it names an unknown grouping, '{grouping}'"),
    };
}
