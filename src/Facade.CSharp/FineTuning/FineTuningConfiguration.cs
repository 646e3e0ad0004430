using System.Text.Json;
using System.Text.Json.Nodes;

namespace MappingNets;

/// <summary>How an adapter changes its base, as JSON: everything but the trained parameters and the base.</summary>
internal sealed record FineTuningConfiguration
{
    /// <summary>The tensors whose own values are in the adapter, in the target's order; none where all come from the base.</summary>
    public required IReadOnlyList<string> Head { get; init; }

    /// <summary>The tensors that were started anew from the seed and not taken from the base.</summary>
    public required IReadOnlyList<string> NewHead { get; init; }

    /// <summary>The seed of a new head, and of groups and factors.</summary>
    public ulong Seed { get; init; }

    /// <summary>The ways in which the other tensors are changed, each tensor in one way at most.</summary>
    public required IReadOnlyList<FineTuningPart> Parts { get; init; }

    /// <summary>Reads the description of a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="version">The file's format version; in version 1 the only part stands in the description itself.</param>
    /// <exception cref="JsonException">It is no such description.</exception>
    public static FineTuningConfiguration FromJson(string json, int version)
    {
        var configuration = FileJson.Read<FineTuningConfiguration>(version == 1 ? WithParts(json).ToJsonString() : json, FileJson.Strict);
        if (configuration.Parts.Any(part => part is null) || configuration.Head.Concat(configuration.NewHead).Any(name => name is null))
            throw new JsonException("One of its parts or names is null.");
        return configuration;
    }

    /// <summary>
    /// Holds the configuration to the network, whose size bounds every count in it. Takes neither work nor memory that grows with what the
    /// configuration claims.
    /// </summary>
    /// <param name="target">The network.</param>
    /// <param name="limits">What fixed weights may cost; null where the model exists already.</param>
    /// <exception cref="FormatException">It does not fit; the message says in what.</exception>
    public void Check(TargetNetwork target, ReadLimits? limits)
    {
        var known = target.Parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.Ordinal);
        var own = RequireKnown(Head, "head", known, target);
        RequireKnown(NewHead, "new head", known, target);
        var taken = new HashSet<string>(own, StringComparer.Ordinal);
        foreach (var part in Parts)
        {
            part.Check(target, this, limits);
            foreach (var name in part.Changed(target, this))
                if (!taken.Add(name))
                    throw new FormatException($"it changes '{name}' in two ways");
        }
    }

    private static HashSet<string> RequireKnown(IReadOnlyList<string> names, string what, HashSet<string> known, TargetNetwork target)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            if (!known.Contains(name))
                throw new FormatException($"it names the {what} '{MessageText.Of(name)}', which '{target.Name}' does not have");
            else if (!seen.Add(name))
                throw new FormatException($"it names the {what} '{name}' twice");
        return seen;
    }

    /// <summary>Whether mappings generate weights, so that fan-ins and centers count: a new head's start is generated too.</summary>
    public bool Generates() => NewHead.Count > 0 || Parts.Any(part => part.Mapping is not null);

    public string ToJson() => JsonSerializer.Serialize(this, FileJson.Strict);

    private static JsonObject WithParts(string json)
    {
        var part = FileJson.Node(json) as JsonObject ?? throw new JsonException("The configuration is no object.");
        var whole = new JsonObject();
        foreach (var name in new[] { "head", "newHead", "seed" })
            if (part.Remove(name, out var value))
                whole[name] = value;
        whole["parts"] = new JsonArray(part);
        return whole;
    }
}
