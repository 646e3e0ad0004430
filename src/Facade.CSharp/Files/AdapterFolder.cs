using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// An adapter as the folder that users of adapters know: adapter_model.safetensors, complete in itself, and adapter_config.json, the
/// same description for people to read. Where the two disagree the folder is refused.
/// </summary>
/// <remarks>
/// Two files cannot be replaced in one step. So the old model stays under a name of its own until the configuration, which is replaced
/// last, describes the new one; a reader takes the model that the configuration describes. Whenever the writer ends, that is the old
/// adapter or the new one. Writers lock the folder; a reader that finds no such model was overtaken and looks again under the lock.
/// </remarks>
internal static class AdapterFolder
{
    public const string ModelName = "adapter_model.safetensors";
    public const string ConfigurationName = "adapter_config.json";

    private const string KeptPrefix = ".adapter_model-";
    private const string KeptSuffix = ".safetensors";

    // Where folders cannot be locked, so many times is looked again.
    private const int AttemptsWithoutLock = 50;

    /// <summary>Writes both files, or leaves the folder as it was.</summary>
    /// <param name="folder">The folder; made where it does not exist.</param>
    /// <param name="tensors">The model's tensors.</param>
    /// <param name="metadata">Its description.</param>
    /// <param name="onStep">Told of each step that changed the folder: tests end the writer there.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static void Write(
        string folder, IReadOnlyList<(string, Tensor)> tensors, IReadOnlyDictionary<string, string> metadata, Action<string>? onStep = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        SafetensorsWriter.Check(tensors);
        CreateFolder(folder);
        var path = Path.Combine(folder, ModelName);
        using var model = new PendingFile(path);
        model.Write(stream => SafetensorsWriter.Write(stream, tensors, metadata));
        using var configuration = new PendingFile(Path.Combine(folder, ConfigurationName));
        configuration.Write(stream => stream.Write(Encoding.UTF8.GetBytes(Configuration(metadata).ToJsonString(FileJson.Indented) + "\n")));
        using (SystemCalls.LockFolder(folder, shared: false))
        {
            Keep(path, folder);
            onStep?.Invoke("the old model is kept");
            model.Place();
            onStep?.Invoke("the model is in place");
            configuration.Place();
            onStep?.Invoke("the configuration is in place");
            foreach (var kept in Kept(folder))
                File.Delete(kept);
        }
    }

    /// <summary>Opens the model of an adapter that is given as a file or as a folder, whose two parts are held against each other.</summary>
    /// <exception cref="CheckpointFormatException">A part is damaged, or the two do not belong together.</exception>
    /// <exception cref="IOException">A part cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (!Directory.Exists(path))
            return SafetensorsFile.Read(path);
        if (TryOpen(path) is { } first)
            return first;
        using var writersWait = SystemCalls.LockFolder(path, shared: true);
        for (var attempt = 1; ; attempt++)
        {
            if (TryOpen(path) is { } found)
                return found;
            if (writersWait is not null || attempt == AttemptsWithoutLock)
                throw new CheckpointFormatException(
                    Path.Combine(path, ConfigurationName),
                    $"describes another adapter than {ModelName} beside it; one of the two was replaced or edited.");
            Thread.Sleep(10);
        }
    }

    private static SafetensorsFile? TryOpen(string folder)
    {
        var written = ReadConfiguration(Path.Combine(folder, ConfigurationName));
        foreach (var path in Kept(folder).Prepend(Path.Combine(folder, ModelName)))
        {
            SafetensorsFile file;
            try
            {
                file = SafetensorsFile.Read(path);
            }
            catch (FileNotFoundException) when (Path.GetFileName(path) != ModelName)
            {
                continue;
            }

            if (JsonNode.DeepEquals(written, Configuration(file.Metadata)) && AdapterHeader.IsKnown(file.Metadata.GetValueOrDefault("format")))
                return file;
            file.Dispose();
            RequireKnown(file, folder);
        }

        return null;
    }

    /// <summary>The JSON of a configuration.</summary>
    /// <exception cref="CheckpointFormatException">It is too long, or no JSON.</exception>
    internal static JsonNode? ReadConfiguration(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > SafetensorsHeader.MaximumLength and var length })
            throw new CheckpointFormatException(path, $"is no configuration: it has {length} bytes; at most {SafetensorsHeader.MaximumLength} are read.");
        try
        {
            using var reader = new StreamReader(InputFile.Open(path));
            return FileJson.Node(reader.ReadToEnd());
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(path, $"is no JSON: {MessageText.Of(fault.Message)}", fault);
        }
    }

    private static void RequireKnown(SafetensorsFile file, string folder)
    {
        if (!AdapterHeader.IsKnown(file.Metadata.GetValueOrDefault("format")))
            throw new CheckpointFormatException(
                folder, "is a folder with an adapter, but with none of this library: its files name no format of it. "
                + "FineTunedModel.LoadPeftAdapter reads LoRA adapters of PEFT.");
    }

    /// <summary>Makes the folder where there is none.</summary>
    internal static void CreateFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new IOException($"'{folder}' cannot be made: {fault.Message}", fault);
        }
    }

    private static void Keep(string model, string folder)
    {
        if (!File.Exists(model))
            return;
        using var kept = new PendingFile(Path.Combine(folder, $"{KeptPrefix}{Guid.NewGuid():N}{KeptSuffix}"));
        using (var old = InputFile.Open(model))
            kept.Write(old.CopyTo);
        kept.Place();
    }

    private static IEnumerable<string> Kept(string folder) => Directory.GetFiles(folder, KeptPrefix + "*" + KeptSuffix);

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
