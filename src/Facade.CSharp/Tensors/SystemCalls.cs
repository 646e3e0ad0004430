using System.Runtime.InteropServices;

namespace MappingNets;

/// <summary>
/// What .NET does not offer for files on Linux and macOS: a file's kind and owner, and a folder's flush and lock. Each call is an
/// attempt: where the system does not know it, it says so and nothing happens.
/// </summary>
internal static class SystemCalls
{
    private const int RelativeToWorkingFolder = -100;
    private const uint BasicFields = 0x1f; // kind, mode, links, owner and group
    private const int KindMask = 0xf000;
    private const int RegularKind = 0x8000;
    private const int FolderKind = 0x4000;
    private const uint Unchanged = uint.MaxValue;
    private const int SharedLock = 1;
    private const int ExclusiveLock = 2;
    private const int Interrupted = 4;

    /// <summary>Who owns a file.</summary>
    /// <param name="User">The user's number.</param>
    /// <param name="Group">The group's number.</param>
    /// <param name="IsSpecial">Whether it is a pipe, a socket or a device.</param>
    public sealed record FileStatus(uint User, uint Group, bool IsSpecial);

    /// <summary>A file's status on Linux; null where there is no such file or the system does not tell.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    public static FileStatus? StatusOf(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            return ReadStatus(RelativeToWorkingFolder, path, 0, BasicFields, out var status) == 0
                ? new(status.User, status.Group, (status.Mode & KindMask) is not (RegularKind or FolderKind))
                : null;
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Gives a file to another user and group, or only to the group where the process may not give it away.</summary>
    public static void ChangeOwner(string path, FileStatus owner)
    {
        if (ChangeOwner(path, owner.User, owner.Group) != 0)
            _ = ChangeOwner(path, Unchanged, owner.Group);
    }

    /// <summary>Writes a folder's names to the disk, so that a file moved into place is there after a loss of power.</summary>
    public static void FlushFolder(string folder)
    {
        if (OpenFolder(folder) is not { } descriptor)
            return;
        _ = Flush(descriptor);
        _ = Close(descriptor);
    }

    /// <summary>Waits for a lock on a folder; it ends with its disposal or with the process.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shared">Whether others may hold it at the same time, shared too.</param>
    /// <returns>The lock; null where folders cannot be locked.</returns>
    public static IDisposable? LockFolder(string folder, bool shared)
    {
        if (OpenFolder(folder) is not { } descriptor)
            return null;
        while (Lock(descriptor, shared ? SharedLock : ExclusiveLock) != 0)
            if (Marshal.GetLastPInvokeError() != Interrupted)
            {
                _ = Close(descriptor);
                return null;
            }

        return new FolderLock(descriptor);
    }

    private static int? OpenFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return null;
        // For reading, and not for the programs that this one starts.
        var descriptor = Open(folder, OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000);
        return descriptor < 0 ? null : descriptor;
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ReadStatus(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint fields, out Status status);

    [DllImport("libc", EntryPoint = "chown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwner([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint user, uint group);

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Flush(int descriptor);

    [DllImport("libc", EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Lock(int descriptor, int mode);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);

    // The beginning of the kernel's struct statx, which is the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(20)]
        public uint User;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;
    }

    private sealed class FolderLock(int descriptor) : IDisposable
    {
        private bool isReleased;

        public void Dispose()
        {
            if (!isReleased)
                _ = Close(descriptor);
            isReleased = true;
        }
    }
}
