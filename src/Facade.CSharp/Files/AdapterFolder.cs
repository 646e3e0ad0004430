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
        string folder, IReadOnlyList<(string, Tensor)> tensors, IReadOnlyDictionary<string, string> metadata, Action<string>? onStep = null) =>
        Write(folder, tensors, metadata, Text(Configuration(metadata)), onStep);

    /// <summary>The same with a configuration of another form; the metadata must say to readers which one belongs to the model.</summary>
    internal static void Write(
        string folder, IReadOnlyList<(string, Tensor)> tensors, IReadOnlyDictionary<string, string> metadata, byte[] text, Action<string>? onStep)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        SafetensorsWriter.Check(tensors);
        CreateFolder(folder);
        var path = Path.Combine(folder, ModelName);
        using var model = new PendingFile(path);
        model.Write(stream => SafetensorsWriter.Write(stream, tensors, metadata));
        using var configuration = new PendingFile(Path.Combine(folder, ConfigurationName));
        configuration.Write(stream => stream.Write(text));
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
    /// <param name="path">The file or the folder.</param>
    /// <param name="limits">What header and configuration may cost.</param>
    /// <exception cref="CheckpointFormatException">A part is damaged, or the two do not belong together.</exception>
    /// <exception cref="IOException">A part cannot be read.</exception>
    public static SafetensorsFile Open(string path, ReadLimits limits)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Directory.Exists(path) ? Open(path, folder => TryOpen(folder, limits)) : SafetensorsFile.Read(path, limits);
    }

    /// <summary>Opens a folder by a function that gives nothing where a writer has overtaken it, or where the two files do not belong together.</summary>
    /// <exception cref="CheckpointFormatException">They do not.</exception>
    internal static T Open<T>(string folder, Func<string, T?> tryOpen)
        where T : class
    {
        if (tryOpen(folder) is { } first)
            return first;
        using var writersWait = SystemCalls.LockFolder(folder, shared: true);
        for (var attempt = 1; ; attempt++)
        {
            if (tryOpen(folder) is { } found)
                return found;
            if (writersWait is not null || attempt == AttemptsWithoutLock)
                throw new CheckpointFormatException(
                    Path.Combine(folder, ConfigurationName),
                    $"describes another adapter than {ModelName} beside it; one of the two was replaced or edited.");
            Thread.Sleep(10);
        }
    }

    /// <summary>The bytes of a configuration.</summary>
    internal static byte[] Text(JsonObject configuration) => Encoding.UTF8.GetBytes(configuration.ToJsonString(FileJson.Indented) + "\n");

    private static SafetensorsFile? TryOpen(string folder, ReadLimits limits)
    {
        var path = Path.Combine(folder, ConfigurationName);
        var written = ParseConfiguration(path, ReadConfiguration(path, limits));
        var isForeign = false;
        var found = OpenModel(
            folder,
            model => SafetensorsFile.Read(model, limits),
            file =>
            {
                // A writer of another form may have ended on its way: the copy that it kept is looked at too.
                var isKnown = IsKnown(file);
                isForeign |= !isKnown;
                return isKnown && JsonNode.DeepEquals(written, Configuration(file.Metadata));
            });
        return found is null && isForeign ? throw Foreign(folder) : found;
    }

    /// <summary>Opens the first of a folder's models that belongs to its configuration, the one at its usual name before copies; null where none does.</summary>
    internal static T? OpenModel<T>(string folder, Func<string, T> open, Func<T, bool> belongs)
        where T : class, IDisposable
    {
        foreach (var path in Kept(folder).Prepend(Path.Combine(folder, ModelName)))
        {
            T file;
            try
            {
                file = open(path);
            }
            catch (FileNotFoundException) when (Path.GetFileName(path) != ModelName)
            {
                continue;
            }

            try
            {
                if (belongs(file))
                    return file;
            }
            catch
            {
                file.Dispose();
                throw;
            }

            file.Dispose();
        }

        return null;
    }

    /// <summary>The bytes of a configuration.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="limits">What it may cost.</param>
    /// <exception cref="CheckpointFormatException">It is too long.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal static byte[] ReadConfiguration(string path, ReadLimits limits)
    {
        using var stream = InputFile.Open(path);
        var most = SafetensorsHeader.MostBytes(limits);
        if (stream.Length > most)
            throw new CheckpointFormatException(
                path,
                $"is no configuration: it has {stream.Length} bytes; at most {ShapeText.Count(most)} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        var bytes = new byte[stream.Length];
        return bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
    }

    /// <summary>The JSON of a configuration's bytes.</summary>
    /// <exception cref="CheckpointFormatException">It is no JSON.</exception>
    internal static JsonNode? ParseConfiguration(string path, byte[] bytes)
    {
        try
        {
            using var reader = new StreamReader(new MemoryStream(bytes));
            return FileJson.Node(reader.ReadToEnd());
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(path, $"is no JSON: {MessageText.Of(fault.Message)}", fault);
        }
    }

    private static bool IsKnown(SafetensorsFile file) => AdapterHeader.IsKnown(file.Metadata.GetValueOrDefault("format"));

    private static CheckpointFormatException Foreign(string folder) => new(
        folder, "is a folder with an adapter, but with none of this library: its files name no format of it. "
        + "FineTunedModel.LoadPeftAdapter reads LoRA adapters of PEFT.");

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
