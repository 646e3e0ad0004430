namespace MappingNets;

/// <summary>
/// Keeps a file for one user at a time, by a lock on an empty file beside it: the file itself is replaced at every save. The lock ends
/// with the process, however that ends.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private const string Suffix = ".lock";
    private readonly FileStream stream;

    private FileLock(FileStream stream) => this.stream = stream;

    /// <summary>Takes a file, which need not exist yet.</summary>
    /// <param name="path">The file. A symbolic link means the file that it points at.</param>
    /// <returns>The lock; null where the file cannot be written, and so nothing can be mixed.</returns>
    /// <exception cref="DirectoryNotFoundException">Its folder does not exist.</exception>
    /// <exception cref="IOException">It is in use, or the lock's name is that of another file, or of one that may not be opened.</exception>
    public static FileLock? Take(string path)
    {
        var name = PendingFile.TargetOf(path) + Suffix;
        // Whatever is opened is deleted at the end: paket.lock is no lock of a run in a file called paket.
        if (new FileInfo(name) is { Exists: true, Length: > 0 })
            throw new IOException($"'{path}' cannot be locked: '{name}' would be the lock's file, and is another, with content. Name another file, or move that one.");
        try
        {
            return new(new FileStream(name, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                Options = FileOptions.DeleteOnClose,
            }));
        }
        catch (DirectoryNotFoundException fault)
        {
            throw new DirectoryNotFoundException($"'{path}' cannot be written: there is no folder '{Path.GetDirectoryName(name)}'.", fault);
        }
        catch (IOException fault) when (File.Exists(name))
        {
            throw new IOException($"'{path}' is in use: another run, of this process or of another one, holds the lock '{name}'.", fault);
        }
        catch (UnauthorizedAccessException fault) when (Path.Exists(name) && MayWrite(path))
        {
            // A run of another user may hold it; without it two would write into one file.
            throw new IOException(
                $"'{path}' cannot be locked: '{name}' is there and may not be opened: {fault.Message} If no run uses it, delete it, or name another file.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // A finished run is read beside the lock of another user's process that was killed.
    private static bool MayWrite(string path)
    {
        try
        {
            new PendingFile(path).Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Ends the lock and deletes its file.</summary>
    public void Dispose() => stream.Dispose();
}
