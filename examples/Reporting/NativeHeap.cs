using System.Runtime.InteropServices;

namespace MappingNets.Examples.Reporting;

/// <summary>How the C library hands out blocks of memory.</summary>
public static class NativeHeap
{
    // mallopt's numbers for: how much free memory at the heap's end is kept, and from which size on a block is mapped by itself.
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;

    private const int Kept = 1 << 30;
    private const int Large = 16 << 20;

    /// <summary>
    /// Keeps the heap between the steps of a training, and lets large blocks go back to the system. By itself glibc gives the heap's end
    /// back after every step and gets it again, page by page, in the next: a fifth of the time of a CNN2 step was the system's. And it
    /// learns to keep blocks of up to 32 MB in the heap, where small ones between them hold them fast: a training whose gradients are
    /// 26 MB grew by 20 MB at every step though not one tensor was left over. Elsewhere than on Linux with glibc it does nothing.
    /// </summary>
    public static void SuitTraining()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = SetOption(MapThreshold, Large);
            _ = SetOption(TrimThreshold, Kept);
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            // A C library without these knobs has its own habits.
        }
    }

    [DllImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int option, int value);
}
