using MappingNets.Core;

namespace MappingNets;

/// <summary>One of the ways in which an adapter changes tensors of its base, as JSON.</summary>
internal sealed record FineTuningPart
{
    private const string KindGroups = "groups";
    private const string KindMapping = "mapping";
    private const string KindLowRank = "low-rank";
    private const string KindGates = "gates";

    /// <summary>"groups", "mapping", "low-rank" or "gates".</summary>
    public required string Kind { get; init; }

    /// <summary>The tensors that groups, a mapping or gates change; "all", or null for a mapping, for every one that has no values of its own.</summary>
    public IReadOnlyList<string>? Tensors { get; init; }

    public int? Latents { get; init; }

    public long? GroupSize { get; init; }

    public double? Strength { get; init; }

    public string? Grouping { get; init; }

    /// <summary>The mapping of the additive form, or of the gates.</summary>
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

    public static FineTuningPart OfGates(IReadOnlyList<string> tensors, MappingSpecification specification) =>
        OfMapping(tensors, specification) with { Kind = KindGates };

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
        KindGates when Tensors is not null && Mapping is { } mapping => ToGates(target, Tensors, mapping),
        KindLowRank when Ranks is { Count: > 0 } ranks && Strength is { } strength =>
            new LowRankIncrement(target.Layout, CheckRanks(target, ranks), strength, whole.Seed),
        _ => throw new FormatException($"it describes an unknown or incomplete way of fine-tuning, '{MessageText.Of(Kind)}'"),
    };

    /// <summary>Refuses numbers that are absurd.</summary>
    /// <exception cref="FormatException">One is.</exception>
    public void CheckNumbers()
    {
        if (Strength is { } strength)
            StoredNumber.Require("strength", strength);
        Mapping?.CheckNumbers();
    }

    /// <summary>Holds the part to the network; see <see cref="FineTuningConfiguration.Check"/>.</summary>
    /// <exception cref="FormatException">It does not fit.</exception>
    public void Check(TargetNetwork target, FineTuningConfiguration whole, ReadLimits? limits)
    {
        CheckNumbers();
        if (Kind is KindGroups or KindMapping or KindGates)
            CheckTensors(target);
        switch (Kind)
        {
            case KindGroups when Tensors is not null && Latents is { } latents && GroupSize is { } size && Strength is not null:
                CheckGroups(target, whole, latents, size);
                break;
            case KindMapping when Mapping is not null:
                CheckMapping(Tensors is null ? target.Layout : new TargetPart(target, Tensors).Layout, Mapping, limits);
                break;
            case KindGates when Tensors is not null && Mapping is not null:
                CheckGates(target, Tensors, Mapping, limits);
                break;
            case KindLowRank when Ranks is { Count: > 0 } ranks && Strength is not null:
                CheckRanks(target, ranks);
                break;
            default:
                throw new FormatException($"it describes an unknown or incomplete way of fine-tuning, '{MessageText.Of(Kind)}'");
        }
    }

    /// <summary>The tensors that a checked part changes.</summary>
    public IEnumerable<string> Changed(TargetNetwork target, FineTuningConfiguration whole) => Kind switch
    {
        KindLowRank => Ranks!.Select(piece => piece.Name),
        // A mapping of all weights generates those of the head too, which then have values of their own.
        _ => Selected(target, whole, Tensors ?? [LayerPatterns.All]),
    };

    /// <summary>The names and shapes of what a checked part trains, without the numbering of <see cref="WeightChange.Values"/>.</summary>
    public IEnumerable<(string Name, long[] Shape)> Values(TargetNetwork target)
    {
        switch (Kind)
        {
            case KindGroups:
                yield return ("latent", [Latents!.Value]);
                break;
            case KindMapping or KindGates:
                yield return ("latent", [Mapping!.LatentCount()]);
                if (Mapping.TrainableScale)
                    yield return ("scales", [Tensors?.Count ?? target.Parameters.Count]);
                break;
            default:
                foreach (var piece in Ranks!)
                {
                    var entry = target.Layout.Find(piece.Name);
                    yield return (piece.Name + ".lora_A", [piece.Rank, entry.Count / entry.Shape[0]]);
                    yield return (piece.Name + ".lora_B", [entry.Shape[0], piece.Rank]);
                }

                break;
        }
    }

    private void CheckTensors(TargetNetwork target)
    {
        if (Tensors is { Count: 0 })
            throw new FormatException("it changes no tensor");
        foreach (var name in Kind == KindGroups && Tensors is [LayerPatterns.All] ? [] : Tensors ?? [])
            if (!target.Parameters.Any(parameter => parameter.Name == name))
                throw new FormatException($"it changes '{MessageText.Of(name ?? "null")}', which '{target.Name}' does not have");
    }

    private void CheckGroups(TargetNetwork target, FineTuningConfiguration whole, int latents, long size)
    {
        var selected = Selected(target, whole, Tensors!).ToHashSet(StringComparer.Ordinal);
        var weights = target.Parameters.Where(parameter => selected.Contains(parameter.Name)).Sum(parameter => parameter.Count);
        if (latents < 1 || size < 1 || size > weights || latents > weights / size)
            throw new FormatException(FormattableString.Invariant(
                $"it moves groups of {size} weights by {latents} latents; the chosen tensors have {weights} weights"));
        ToGrouping(Grouping);
    }

    private static void CheckMapping(ParameterLayout layout, AdapterDescription mapping, ReadLimits? limits)
    {
        if (mapping.NeedsFunction() || mapping.NeedsMap())
            throw new FormatException($"its mapping has the modulation '{MessageText.Of(mapping.Modulation)}', which no such adapter holds");
        if (mapping.LowRank is not null)
            throw new FormatException("its mapping names ranks, which only a whole model's adapter has");
        mapping.Check(layout, limits);
    }

    private static void CheckGates(TargetNetwork target, IReadOnlyList<string> matrices, AdapterDescription mapping, ReadLimits? limits)
    {
        foreach (var name in matrices)
            if (target.Layout.Find(name).Shape.Length < 2)
                throw new FormatException($"it has gates for '{name}', which is no matrix");
        if (matrices.Distinct(StringComparer.Ordinal).Count() < matrices.Count)
            throw new FormatException("it names a matrix twice");
        if (mapping.TrainableScale)
            throw new FormatException("its gates have trained scales, which no such adapter holds");
        CheckMapping(GateIncrement.LayoutOf(target, InOrder(target, matrices)), mapping, limits);
    }

    // As the network has them, whatever order a file names.
    private static IReadOnlyList<string> InOrder(TargetNetwork target, IReadOnlyList<string> names) =>
        [.. target.Parameters.Select(parameter => parameter.Name).Where(names.Contains)];

    private static GateIncrement ToGates(TargetNetwork target, IReadOnlyList<string> matrices, AdapterDescription mapping) => new(
        Core.FineTuning.increment(GateIncrement.LayoutOf(target, InOrder(target, matrices)), mapping.ToSpecification()),
        new TargetPart(target, matrices).Places);

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
            if (piece is null || piece.Rank < 1
                || target.Parameters.FirstOrDefault(parameter => parameter.Name == piece.Name && parameter.Shape.Count > 1) is not { } matrix
                || piece.Rank > Math.Min(matrix.Shape[0], matrix.Count / matrix.Shape[0]))
                throw new FormatException(
                    $"it gives the rank {piece?.Rank} to '{MessageText.Of(piece?.Name ?? "null")}', which is no matrix of the target or has a smaller rank");
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
        _ => throw new FormatException($"it names an unknown grouping, '{MessageText.Of(grouping ?? "null")}'"),
    };
}
