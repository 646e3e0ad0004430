using System.Runtime.InteropServices;

namespace MappingNets;

/// <summary>How the C library hands out the memory that libtorch's tensors lie in.</summary>
/// <example>
/// <code>
/// NativeHeap.RetainFreedMemory(); // the program's first line
/// </code>
/// </example>
public static class NativeHeap
{
    // mallopt's numbers: how much free memory at the heap's end is kept, by how much more than asked for the heap grows, and how many
    // blocks may be mapped by themselves.
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MapMaximum = -4;

    // Threads other than the first have heaps of 64 MB, of which two must fit in, or an empty one is given back all the same.
    private const int Ahead = 128 << 20;

    /// <summary>
    /// Keeps memory from one training step to the next, for the whole process and until its end. By itself glibc asks the system
    /// for every large block and gives it back when it is freed, so that each step gets the memory of its activations and gradients
    /// anew, page by page: most of a step's time for a network with large layers. In exchange the process keeps the most memory that it ever
    /// needed at once, and some that lies between blocks. A library must not decide that, so a program calls this itself, before it
    /// makes its first tensor. Called again, it changes nothing.
    /// </summary>
    /// <remarks>
    /// On other threads than the program's first one, and so in <see cref="Trainer.FitAsync"/>, it holds for blocks below 64 MB. To
    /// train there with larger ones, start the process with the environment variable GLIBC_TUNABLES=glibc.malloc.arena_max=1.
    /// </remarks>
    /// <returns>Whether it was done: true on Linux with glibc; elsewhere nothing happens.</returns>
    public static bool RetainFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            // -1: nothing is given back.
            return SetOption(TrimThreshold, -1) != 0 & SetOption(TopPad, Ahead) != 0 & SetOption(MapMaximum, 0) != 0;
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            // A C library without these options keeps its defaults.
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int option, int value);
}
