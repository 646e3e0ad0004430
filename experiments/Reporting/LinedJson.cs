using System.Text;
using System.Text.Json.Nodes;

namespace MappingNets.Experiments.Reporting;

/// <summary>
/// JSON with a line for each field of the outermost object and for each element of its arrays: a third of the bytes of the indented
/// form, and a diff still shows which run changed.
/// </summary>
public static class LinedJson
{
    /// <summary>The text, which ends in a line's end.</summary>
    /// <param name="json">The object.</param>
    public static string Of(JsonObject json)
    {
        ArgumentNullException.ThrowIfNull(json);
        var text = new StringBuilder("{\n");
        foreach (var ((name, value), place) in json.Select((field, place) => (field, place)))
        {
            text.Append(place == 0 ? "" : ",\n").Append(JsonValue.Create(name)!.ToJsonString()).Append(": ");
            if (value is JsonArray { Count: > 0 } array && array[0] is JsonObject)
                text.Append("[\n").AppendJoin(",\n", array.Select(item => item!.ToJsonString())).Append("\n]");
            else
                text.Append(value?.ToJsonString() ?? "null");
        }

        return text.Append("\n}\n").ToString();
    }
}
