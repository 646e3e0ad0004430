using System.Globalization;
using Onnx;

namespace MappingNets;

/// <summary>Where an external data file beside the model holds a tensor.</summary>
/// <param name="FullPath">The file.</param>
/// <param name="Name">The file as the model names it, relative to the model.</param>
/// <param name="Start">The first byte.</param>
/// <param name="Length">How many bytes.</param>
internal sealed record ExternalPlace(string FullPath, string Name, long Start, long Length)
{
    /// <summary>Checks where a model places an external tensor: the file must lie in the model's folder and hold all of it.</summary>
    /// <exception cref="CheckpointFormatException">It does not.</exception>
    public static ExternalPlace Of(string model, TensorProto tensor, long length)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in tensor.ExternalData)
            entries[entry.Key] = entry.Value;
        if (!entries.TryGetValue("location", out var name) || string.IsNullOrWhiteSpace(name))
            throw new CheckpointFormatException(model, $"has '{tensor.Name}' in an external file that it does not name.");
        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var path = Path.GetFullPath(Path.Combine(folder, name));
        if (Path.IsPathRooted(name) || !path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new CheckpointFormatException(
                model, $"has '{tensor.Name}' in '{name}', which is not in the model's folder; it is not read from there.");
        var start = Number("offset", 0);
        var stated = Number("length", length);
        if (stated != length)
            throw new CheckpointFormatException(model, $"gives '{tensor.Name}' {stated} bytes in '{name}'; its shape takes {length}.");
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new CheckpointFormatException(model, $"has '{tensor.Name}' in '{name}', which is missing.");
        if (start > file.Length - length)
            throw new CheckpointFormatException(
                model, $"has '{tensor.Name}' in '{name}' up to byte {start + length}; the file has {file.Length}.");
        return length > int.MaxValue
            ? throw new NotSupportedException($"'{model}' has the tensor '{tensor.Name}' of {length} bytes; one of 2 GiB or more is not supported.")
            : new(path, name, start, length);

        long Number(string key, long fallback) =>
            !entries.TryGetValue(key, out var text) ? fallback
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : throw new CheckpointFormatException(model, $"has the {key} '{text}' for '{tensor.Name}'; it must be a whole number from 0.");
    }

    /// <summary>The bytes.</summary>
    /// <exception cref="IOException">The file is gone, was cut off, or may not be read.</exception>
    public ReadOnlyMemory<byte> Read()
    {
        if (Length == 0)
            return default;
        using var file = InputFile.Open(FullPath);
        file.Position = Start;
        var bytes = new byte[Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
