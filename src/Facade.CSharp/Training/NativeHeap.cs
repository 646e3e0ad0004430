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
    // mallopt's numbers: how much free memory at the heap's end is kept, by how much more than asked for the heap grows, from what size on
    // blocks are mapped by themselves, and how many may be.
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MapThreshold = -3;
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
    public static bool RetainFreedMemory() =>
        // -1: nothing is given back.
        Set((TrimThreshold, -1), (TopPad, Ahead), (MapMaximum, 0));

    /// <summary>
    /// The same for blocks below a size; larger ones are mapped by themselves and given back when they are freed. That is for streamed
    /// models (<see cref="MappingNetwork.Streamed"/>), whose large blocks are the gradients of one layer at a time: kept in the heap, freed
    /// gradients of many sizes would in the end take as much memory as all of them.
    /// </summary>
    /// <param name="below">Bytes, from 65,536 to 33,554,432; 1,048,576 suits most streamed models.</param>
    /// <returns>Whether it was done: true on Linux with glibc; elsewhere nothing happens.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is out of range.</exception>
    public static bool RetainFreedMemory(int below)
    {
        // The most that glibc takes, and a size that leaves the small blocks of every step in the heap.
        if (below is < 1 << 16 or > 1 << 25)
            throw new ArgumentOutOfRangeException(nameof(below), below, $"The size must be from {1 << 16} to {1 << 25} bytes.");
        return Set((TrimThreshold, -1), (MapThreshold, below));
    }

    private static bool Set(params (int Option, int Value)[] options)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            // All of them, whatever one of them says.
            return options.Count(option => SetOption(option.Option, option.Value) != 0) == options.Length;
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
