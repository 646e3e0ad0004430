using System.Collections.Concurrent;

namespace MappingNets.Examples.Serve;

/// <summary>What the page shows of an adapter.</summary>
/// <param name="Name">The file's name without its end.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Loaded">When it was taken last.</param>
/// <param name="Times">How often it was taken.</param>
/// <param name="Fault">Why the file was refused; null where it is served.</param>
internal sealed record AdapterEntry(string Name, long Bytes, DateTimeOffset Loaded, int Times, string? Fault);

/// <summary>
/// Serves each NAME.safetensors in a folder as the adapter NAME: from the start, and from then on when a file comes or changes. Write a new file
/// under another name and rename it, so that it is never read half; what is refused leaves the old one in its place.
/// </summary>
internal sealed class DropFolder(string folder, AdapterHost host) : IDisposable
{
    private const string End = ".safetensors";

    private readonly ConcurrentDictionary<string, AdapterEntry> entries = new(StringComparer.Ordinal);
    private readonly FileSystemWatcher watcher = new(folder, "*" + End);

    public IEnumerable<AdapterEntry> Entries => entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal);

    public void Start()
    {
        watcher.Created += (_, change) => Take(change.FullPath);
        watcher.Changed += (_, change) => Take(change.FullPath);
        watcher.Renamed += (_, change) => Take(change.FullPath);
        // More came at once than it could tell.
        watcher.Error += (_, _) => TakeAll();
        watcher.EnableRaisingEvents = true;
        TakeAll();
    }

    public void Dispose() => watcher.Dispose();

    private void TakeAll() => Array.ForEach(Directory.Exists(folder) ? Directory.GetFiles(folder, "*" + End) : [], Take);

    private void Take(string path)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        // The base's weights lie beside the adapters.
        if (!path.EndsWith(End, StringComparison.Ordinal) || name == Tenants.BaseName)
            return;
        string? fault = null;
        try
        {
            host.Replace(name, path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            fault = refused.Message;
        }

        var entry = new AdapterEntry(name, new FileInfo(path) is { Exists: true } file ? file.Length : 0, DateTimeOffset.Now, 1, fault);
        entries.AddOrUpdate(name, entry, (_, old) => entry with { Times = old.Times + 1 });
    }
}
