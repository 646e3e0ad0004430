using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace MappingNets.Experiments.Reporting;

/// <summary>
/// The epochs of a run as report.json holds them: an array for each of their numbers. That takes less than half the bytes of an object for each
/// epoch, which older reports hold; these are still read.
/// </summary>
internal sealed class EpochColumns : JsonConverter<IReadOnlyList<EpochPoint>>
{
    /// <inheritdoc/>
    public override IReadOnlyList<EpochPoint> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.StartArray)
            return JsonSerializer.Deserialize<EpochPoint[]>(ref reader, options)!;
        var columns = JsonSerializer.Deserialize<Dictionary<string, JsonNode?[]?>>(ref reader, options)!;
        var epochs = columns.Values.Select(column => column?.Length ?? 0).DefaultIfEmpty().Max();
        if (columns.FirstOrDefault(column => column.Value?.Length != epochs) is { Key: { } shorter })
            throw new JsonException($"'{shorter}' has a length of {columns[shorter]?.Length ?? 0}, and there are {epochs} epochs.");
        return
        [
            .. Enumerable.Range(0, epochs).Select(place =>
                new JsonObject(columns.Select(column => KeyValuePair.Create(column.Key, column.Value![place]))).Deserialize<EpochPoint>(options)!),
        ];
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyList<EpochPoint> value, JsonSerializerOptions options)
    {
        var epochs = value.Select(epoch => JsonSerializer.SerializeToNode(epoch, options)!.AsObject()).ToArray();
        writer.WriteStartObject();
        foreach (var name in epochs.SelectMany(epoch => epoch.Select(field => field.Key)).Distinct())
        {
            writer.WritePropertyName(name);
            JsonSerializer.Serialize(writer, epochs.Select(epoch => epoch[name]), options);
        }

        writer.WriteEndObject();
    }
}
