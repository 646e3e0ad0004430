namespace MappingNets.Tool;

/// <summary>A file of a command line, or a folder of files.</summary>
/// <param name="What">What a message calls it, such as "the adapter".</param>
/// <param name="Path">Where it is.</param>
/// <param name="IsFolder">Whether all files below it are meant.</param>
internal sealed record NamedFile(string What, string Path, bool IsFolder = false)
{
    /// <summary>What train writes beside an adapter.</summary>
    public static NamedFile DescriptionOf(string adapter) => new("the adapter's description", Recipe.FileOf(adapter));

    /// <summary>An adapter that is a file, or a folder with two.</summary>
    public static NamedFile[] OfAdapter(string adapter) =>
    [
        new("the adapter", adapter),
        new("the adapter's model", System.IO.Path.Combine(adapter, AdapterFolder.ModelName)),
        new("the adapter's configuration", System.IO.Path.Combine(adapter, AdapterFolder.ConfigurationName)),
    ];

    /// <summary>What a network, its pretrained weights and the data are read from, where these are files.</summary>
    public static IEnumerable<NamedFile> OfSources(string network, string? weights, string data)
    {
        if (network.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            yield return new("the network", network);
            foreach (var file in NetworkSource.ExternalFiles(network))
                yield return new("a file of the network's tensors", file);
        }

        if (weights is not null)
            yield return new("the file of pretrained weights", weights);
        foreach (var file in DataSource.Files(data))
            yield return new("the data", file);
        foreach (var folder in DataSource.Folders(data))
            yield return new("a class's pictures", folder, IsFolder: true);
    }

    /// <summary>Refuses to write a file over one that the same command reads, or over another that it writes.</summary>
    /// <exception cref="ArgumentException">Two of them are one, or one lies in a folder of the other.</exception>
    public static void KeepApart(IReadOnlyList<NamedFile> written, IEnumerable<NamedFile> read)
    {
        var all = written.Concat(read).ToArray();
        for (var index = 0; index < written.Count; index++)
            if (all.Skip(index + 1).FirstOrDefault(other => other.Holds(written[index].Path)) is { } other)
                throw new ArgumentException(
                    other.IsFolder ? $"'{other.Path}' is the folder of {other.What}, where {written[index].What} has no place; give it another folder than '{written[index].Path}'."
                    : $"'{other.Path}' is {other.What}, which {written[index].What} would overwrite; give one of the two another name.");
    }

    /// <summary>Refuses a place where nothing can be written, before anything is computed for it.</summary>
    /// <exception cref="IOException">There is no such folder, it is a folder itself, or it may not be written.</exception>
    public static void RequireWritable(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
            new PendingFile(path).Dispose();
    }

    // Many file systems see no difference between capitals and small letters.
    private bool Holds(string other) => IsFolder
        ? Place(other).StartsWith(Place(Path) + System.IO.Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase)
        : string.Equals(Place(other), Place(Path), StringComparison.OrdinalIgnoreCase);

    // A link stands for what it names, also one to a folder on the way.
    private static string Place(string path)
    {
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        return ExternalPlace.Followed(full) ?? full;
    }
}
