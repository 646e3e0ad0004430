using System.Text;

namespace MappingNets;

/// <summary>
/// Writes files whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed. A reader
/// meanwhile sees the old content or the new; after a failure the old file stands and no partial one is left. What a process
/// that was ended left behind is deleted by the next write into the folder.
/// </summary>
/// <remarks>
/// A replaced file keeps its mode on Linux and macOS, and its owner and group on Linux as far as the process may give files away; a new
/// one gets what the umask leaves. Other hard links to a replaced file keep the old content.
/// </remarks>
public static class AtomicFile
{
    /// <summary>Writes a file by a function.</summary>
    /// <param name="path">The file; replaced where it exists. Its folder must exist. A symbolic link is followed.</param>
    /// <param name="write">Writes the content; if it throws, nothing changes.</param>
    /// <exception cref="DirectoryNotFoundException">Its folder does not exist.</exception>
    /// <exception cref="IOException">
    /// The file cannot be written: it is read-only, a folder, or (known on Linux) a pipe, a socket or a device; its folder is read-only or
    /// was removed; the disk is full.
    /// </exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(write);
        using var pending = new PendingFile(path);
        pending.Write(write);
        pending.Place();
    }

    /// <summary>Writes bytes.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="bytes">The content.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteAllBytes(string path, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteAllText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        WriteAllBytes(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text));
    }
}
