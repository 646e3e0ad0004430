using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace MappingNets;

/// <summary>How every file of the library writes and reads its JSON.</summary>
internal static class FileJson
{
    /// <summary>Descriptions: camel case, no nulls, and nothing unknown or missing is read over.</summary>
    public static JsonSerializerOptions Strict { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>For people to read.</summary>
    public static JsonSerializerOptions Indented { get; } = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Measurements, which may be NaN or infinite.</summary>
    public static JsonSerializerOptions Measured { get; } = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        AllowDuplicateProperties = false,
    };

    private static readonly JsonDocumentOptions Document = new() { AllowDuplicateProperties = false };

    /// <summary>A description of a file. Whatever is wrong with it is a <see cref="JsonException"/>.</summary>
    /// <exception cref="JsonException">
    /// It is no JSON, null, repeats a name, holds half of a surrogate pair, has a field too many or too few, or is of another form.
    /// </exception>
    public static T Read<T>(string text, JsonSerializerOptions options)
        where T : class
    {
        RequireText(text);
        return JsonSerializer.Deserialize<T>(text, options) ?? throw new JsonException("It is null.");
    }

    /// <summary>JSON of any form, every text in it sound.</summary>
    /// <exception cref="JsonException">It is no JSON, repeats a name or holds half of a surrogate pair.</exception>
    public static JsonNode? Node(string text)
    {
        RequireText(text);
        return JsonNode.Parse(text, documentOptions: Document);
    }

    // Escapes are read only when their text is asked for, and half of a pair is an invalid operation then. So all are asked for here.
    private static void RequireText(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Document);
            Require(document.RootElement);
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException)
        {
            throw new JsonException("A text in it is no sound Unicode.", fault);
        }
    }

    private static void Require(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Require(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    Require(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
