namespace MappingNets;

/// <summary>Where the state of a run lies between epochs, so that it can go on.</summary>
internal interface IRunStore
{
    /// <summary>Its name in messages.</summary>
    string Name { get; }

    /// <summary>Keeps it for this run alone until what it returns is disposed; null where there is nothing to keep.</summary>
    /// <exception cref="IOException">Another run uses it, or its lock may not be opened.</exception>
    IDisposable? Take();

    /// <summary>The state, to be disposed; null where there is none yet.</summary>
    /// <exception cref="CheckpointFormatException">It is no safetensors file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    SafetensorsFile? Open();

    /// <summary>Refuses a place where nothing can be kept, before there is anything to lose.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    void RequireWritable();

    /// <summary>Keeps the state after an epoch, whole or not at all, in the place of an older one.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="write">Writes the state.</param>
    /// <exception cref="IOException">It cannot be written; the older one stands.</exception>
    void Keep(long step, Action<Stream> write);
}

/// <summary>A file, with another one beside it that locks it.</summary>
internal sealed class FileRunStore(string path) : IRunStore
{
    public string Name => path;

    public IDisposable? Take() => FileLock.Take(path);

    public SafetensorsFile? Open() => File.Exists(path) ? SafetensorsFile.Read(path) : null;

    public void RequireWritable() => new PendingFile(path).Dispose();

    public void Keep(long step, Action<Stream> write) => AtomicFile.Write(path, write);
}
