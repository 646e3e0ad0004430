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
        var configuration = (version == 1 ? WithParts(json) : JsonNode.Parse(json)).Deserialize<FineTuningConfiguration>(FileJson.Strict);
        if (configuration is null || configuration.Parts.Any(part => part is null))
            throw new JsonException("The configuration or one of its parts is null.");
        return configuration;
    }

    public string ToJson() => JsonSerializer.Serialize(this, FileJson.Strict);

    private static JsonObject WithParts(string json)
    {
        var part = JsonNode.Parse(json) as JsonObject ?? throw new JsonException("The configuration is no object.");
        var whole = new JsonObject();
        foreach (var name in new[] { "head", "newHead", "seed" })
            if (part.Remove(name, out var value))
                whole[name] = value;
        whole["parts"] = new JsonArray(part);
        return whole;
    }
}
