using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// An adapter as the folder that users of adapters know: adapter_model.safetensors, complete in itself, and adapter_config.json, the
/// same description for people to read. Where the two disagree the folder is refused.
/// </summary>
internal static class AdapterFolder
{
    public const string ModelName = "adapter_model.safetensors";
    public const string ConfigurationName = "adapter_config.json";

    public static void Write(string folder, IReadOnlyList<(string, Tensor)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        Directory.CreateDirectory(folder);
        SafetensorsFile.Write(Path.Combine(folder, ModelName), tensors, metadata);
        AtomicFile.WriteAllText(Path.Combine(folder, ConfigurationName), Configuration(metadata).ToJsonString(FileJson.Indented) + "\n");
    }

    /// <summary>The file of an adapter that is given as a file or as a folder, whose two parts are held against each other.</summary>
    public static string FileOf(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (!Directory.Exists(path))
            return path;
        var model = Path.Combine(path, ModelName);
        var configuration = Path.Combine(path, ConfigurationName);
        var written = ReadConfiguration(configuration);
        using var file = SafetensorsFile.Read(model);
        if (!AdapterHeader.IsKnown(file.Metadata.GetValueOrDefault("format")))
            throw new CheckpointFormatException(
                path, "is a folder with an adapter, but with none of this library: its files name no format of it. "
                + "Adapters of other libraries, such as PEFT, have to be converted.");
        if (!JsonNode.DeepEquals(written, Configuration(file.Metadata)))
            throw new CheckpointFormatException(
                configuration, $"describes another adapter than {ModelName} beside it; one of the two was replaced or edited.");
        return model;
    }

    private static JsonNode? ReadConfiguration(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > SafetensorsHeader.MaximumLength and var length })
            throw new CheckpointFormatException(path, $"is no configuration: it has {length} bytes; at most {SafetensorsHeader.MaximumLength} are read.");
        try
        {
            return FileJson.Node(File.ReadAllText(path));
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(path, $"is no JSON: {MessageText.Of(fault.Message)}", fault);
        }
    }

    // What is JSON itself becomes a part of the object instead of a text in it.
    private static JsonObject Configuration(IReadOnlyDictionary<string, string> metadata) => new(
        metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, Value(pair.Value))));

    private static JsonNode? Value(string text)
    {
        if (!text.StartsWith('{'))
            return text;
        try
        {
            return FileJson.Node(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
