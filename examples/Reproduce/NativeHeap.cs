using System.Runtime.InteropServices;

namespace MappingNets.Examples.Reproduce;

/// <summary>How the C library hands out large blocks.</summary>
internal static class NativeHeap
{
    /// <summary>mallopt's number for the size from which a block is mapped by itself.</summary>
    private const int MapThreshold = -3;

    private const int Large = 16 << 20;

    /// <summary>
    /// Lets large blocks go back to the system when they are freed. glibc otherwise learns from the first freed ones to keep blocks of up to
    /// 32 MB in its heap, where small ones between them hold them fast: a training whose gradients are 26 MB, such as the "full-dnn" row, grew by
    /// 20 MB at every step though not one tensor was left over. Elsewhere than on Linux with glibc it does nothing.
    /// </summary>
    public static void ReturnLargeBlocks()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = SetOption(MapThreshold, Large);
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            // A C library without this knob has not this habit either.
        }
    }

    [DllImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int option, int value);
}
