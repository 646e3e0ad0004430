using System.Globalization;
using Onnx;

namespace MappingNets;

/// <summary>Where an external data file beside the model holds a tensor.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="FullPath">The external file, without links on the way to it.</param>
/// <param name="Name">The file as the model names it, relative to the model, for messages.</param>
/// <param name="Start">The first byte.</param>
/// <param name="Length">How many bytes.</param>
internal sealed record ExternalPlace(string Model, string FullPath, string Name, long Start, long Length)
{
    // As long as Linux allows, and as many links on the way to a file.
    private const int LongestName = 4096, MostLinks = 40;

    /// <summary>
    /// Checks where a model places an external tensor: the file must lie in the model's folder, also where links lead, and hold all of it.
    /// </summary>
    /// <exception cref="CheckpointFormatException">It does not.</exception>
    public static ExternalPlace Of(string model, TensorProto tensor, long length)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in tensor.ExternalData)
            entries[entry.Key] = entry.Value;
        var shown = MessageText.Of(tensor.Name);
        if (!entries.TryGetValue("location", out var location) || string.IsNullOrWhiteSpace(location)
            || location.Length > LongestName || location.Contains('\0'))
            throw new CheckpointFormatException(model, $"has '{shown}' in an external file that it does not name.");
        var name = MessageText.Of(location);
        var whole = Path.GetFullPath(model);
        var folder = Path.GetDirectoryName(whole)!;
        var path = Path.GetFullPath(Path.Combine(folder, location));
        if (Path.IsPathRooted(location) || !IsIn(folder, path))
            throw new CheckpointFormatException(model, $"has '{shown}' in '{name}', which is not in the model's folder; it is not read from there.");
        var start = Number("offset", 0);
        var stated = Number("length", length);
        if (stated != length)
            throw new CheckpointFormatException(model, $"gives '{shown}' {stated} bytes in '{name}'; its shape takes {length}.");
        // Where the model itself is a link, as in Hugging Face's cache, its data are links into the folder that it lies in.
        var real = Followed(path);
        if (real is null || !(IsIn(Followed(folder), real) || IsIn(Path.GetDirectoryName(Followed(whole)), real)))
            throw new CheckpointFormatException(
                model, $"has '{shown}' in '{name}', a link to what is not in the model's folder; it is not read from there.");
        var file = new FileInfo(real);
        if (!file.Exists)
            throw new CheckpointFormatException(model, $"has '{shown}' in '{name}', which is missing.");
        if (start > file.Length - length)
            throw new CheckpointFormatException(
                model, $"has '{shown}' in '{name}' up to byte {(ulong)start + (ulong)length}; the file has {file.Length}.");
        return length > int.MaxValue
            ? throw new NotSupportedException($"'{model}' has the tensor '{shown}' of {length} bytes; one of 2 GiB or more is not supported.")
            : new(model, real, name, start, length);

        long Number(string key, long fallback) =>
            !entries.TryGetValue(key, out var text) ? fallback
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : throw new CheckpointFormatException(model, $"has the {key} '{MessageText.Of(text)}' for '{shown}'; it must be a whole number from 0.");
    }

    /// <summary>The bytes.</summary>
    /// <exception cref="CheckpointFormatException">The file is gone or was cut off.</exception>
    /// <exception cref="IOException">The file may not be read.</exception>
    public ReadOnlyMemory<byte> Read()
    {
        if (Length == 0)
            return default;
        try
        {
            using var file = InputFile.Open(FullPath);
            file.Position = Start;
            var bytes = new byte[Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException)
        {
            throw new CheckpointFormatException(
                Model, $"has a tensor in '{Name}', which {(fault is EndOfStreamException ? "was cut off" : "is gone")} since the model was read.", fault);
        }
    }

    // The root ends in a separator already.
    private static bool IsIn(string? folder, string path) => folder is not null && path.StartsWith(
        Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>A full path with each link on it followed, those of its folders too; null where they go round.</summary>
    public static string? Followed(string path)
    {
        var followed = Path.GetPathRoot(path)!;
        var rest = new Stack<string>(Parts(path));
        for (var links = 0; rest.TryPop(out var part);)
        {
            var here = Path.Combine(followed, part);
            if (new FileInfo(here).LinkTarget is not { } target)
            {
                followed = here;
                continue;
            }

            if (++links > MostLinks)
                return null;
            var whole = Path.GetFullPath(target, followed);
            followed = Path.GetPathRoot(whole)!;
            foreach (var next in Parts(whole))
                rest.Push(next);
        }

        return followed;

        // From the last to the first.
        static IEnumerable<string> Parts(string path) =>
            path[Path.GetPathRoot(path)!.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse();
    }
}
