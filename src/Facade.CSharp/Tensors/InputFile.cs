namespace MappingNets;

/// <summary>Opens files to read, so that whatever keeps one from being read is an <see cref="IOException"/> that names it.</summary>
internal static class InputFile
{
    /// <summary>Opens a file from its beginning. Others may read, replace and delete it meanwhile.</summary>
    /// <exception cref="IOException">There is no such file, it is a folder, a pipe, a socket or a device, or it may not be read.</exception>
    public static FileStream Open(string path)
    {
        // Before it is opened: that waits for a writer where a pipe has none.
        if (SystemCalls.StatusOf(path) is { IsSpecial: true })
            throw NotAFile(path);
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (stream.CanSeek)
                return stream;
            // Where the system does not tell a file's kind.
            stream.Dispose();
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new IOException($"'{path}' cannot be read: {(Directory.Exists(path) ? "it is a folder." : fault.Message)}", fault);
        }

        throw NotAFile(path);
    }

    private static IOException NotAFile(string path) => new(
        $"'{path}' cannot be read: it is a pipe, a socket or a device, and only files are read, whose length is known and which are read in any order. "
        + "Write what comes from it into a file first.");
}
