using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace MappingNets;

/// <summary>
/// A file's new content, in a temporary file of the same folder until it is put in place. What a process left there when it was ended
/// is deleted by the next writer in the folder: a temporary file of a process that is no more, and that nobody holds open.
/// </summary>
internal sealed class PendingFile : IDisposable
{
    private const string Prefix = ".mappingnets-";
    private const string Suffix = ".tmp";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string path;
    private readonly string target;
    private readonly string folder;
    private readonly FileStream stream;
    private bool isPlaced;

    /// <summary>Begins a file.</summary>
    /// <param name="path">The file to replace or create. Its folder must exist. A symbolic link is followed.</param>
    /// <exception cref="DirectoryNotFoundException">Its folder does not exist.</exception>
    /// <exception cref="IOException">The file may not be written, is a folder, or is a pipe, a socket or a device.</exception>
    public PendingFile(string path)
    {
        this.path = path;
        target = TargetOf(path);
        folder = Path.GetDirectoryName(target) ?? target;
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"'{path}' cannot be written: there is no folder '{folder}'.");
        if (Directory.Exists(target))
            throw new IOException($"'{path}' cannot be written: it is a folder.");
        var owner = SystemCalls.StatusOf(target);
        if (owner is { IsSpecial: true })
            throw new IOException(
                $"'{path}' cannot be written: it is a pipe, a socket or a device, which a file that is moved into place would replace.");
        try
        {
            RequireWritable(target);
            RemoveAbandoned(folder);
            stream = Create(folder, isNew: !File.Exists(target));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CannotBeWritten(fault);
        }

        try
        {
            if (!OperatingSystem.IsWindows() && File.Exists(target))
                TakeAccess(owner);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file that a path means: itself, or what the last of its symbolic links points at.</summary>
    public static string TargetOf(string path) => new FileInfo(path) is { LinkTarget: not null } link
        ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName
        : Path.GetFullPath(path);

    /// <summary>Writes the content to the disk.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public void Write(Action<Stream> write)
    {
        try
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        // What the caller reads meanwhile has faults of its own.
        catch (IOException fault) when (fault.Message.Contains(stream.Name, StringComparison.Ordinal))
        {
            throw CannotBeWritten(fault);
        }
    }

    /// <summary>Puts the written content in place, at once and as a whole.</summary>
    /// <exception cref="IOException">It cannot be; the old file stands.</exception>
    public void Place()
    {
        // Windows moves no open file.
        if (OperatingSystem.IsWindows())
            stream.Dispose();
        try
        {
            File.Move(stream.Name, target, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CannotBeWritten(fault);
        }

        isPlaced = true;
        SystemCalls.FlushFolder(folder);
    }

    /// <summary>Deletes the temporary file where it was not put in place.</summary>
    public void Dispose()
    {
        // The failure that led here matters more than one in cleaning up after it, such as of a full disk that takes no rest.
        Attempt(stream.Dispose);
        if (!isPlaced)
            Attempt(() => File.Delete(stream.Name));
        isPlaced = true;
    }

    private static FileStream Create(string folder, bool isNew)
    {
        // Locked against deletion, but not against those who read it once it is in place.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read };
        // A new file gets what the umask leaves of the usual mode, a replaced one its old mode once it is there.
        if (!isNew && !OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        return new FileStream(
            Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid():N}{Suffix}")), options);
    }

    [UnsupportedOSPlatform("windows")]
    private void TakeAccess(SystemCalls.FileStatus? owner)
    {
        if (owner is not null && owner != SystemCalls.StatusOf(stream.Name))
            SystemCalls.ChangeOwner(stream.Name, owner);
        File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
    }

    // The folder's permission alone would let a file be replaced that must not be written.
    private static void RequireWritable(string target)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(target))
            File.OpenHandle(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
    }

    private static void RemoveAbandoned(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, $"{Prefix}*{Suffix}"))
            if (int.TryParse(Path.GetFileName(file)[Prefix.Length..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var writer)
                && !Runs(writer))
                Attempt(() =>
                {
                    // Opening a pipe would wait for its writer, and nothing here makes one.
                    if (SystemCalls.StatusOf(file) is { IsSpecial: true })
                        return;
                    // The process may run where its number cannot be seen, in another container.
                    using var alone = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None);
                    File.Delete(file);
                });
    }

    private static bool Runs(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
        }
    }

    private IOException CannotBeWritten(Exception fault) => new($"'{path}' cannot be written: {fault.Message}", fault);
}
