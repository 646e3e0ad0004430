using System.Diagnostics;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What <see cref="NativeHeap"/> promises: runs while nothing else does, because it is the process's memory.</summary>
[Collection(nameof(MemoryTests))]
public sealed class NativeHeapTests
{
    [Fact]
    public void Memory_of_freed_tensors_is_kept_for_the_next_step()
    {
        Assert.Equal(OperatingSystem.IsLinux(), NativeHeap.RetainFreedMemory());
        if (!OperatingSystem.IsLinux())
            return;
        Assert.True(NativeHeap.RetainFreedMemory());

        long filled;
        using (ones(12 << 20))
            filled = Resident();

        // The tensor's 48 MB are still there: glibc's default would have given them back.
        Assert.InRange(filled - Resident(), long.MinValue, 24 << 20);
    }

    private static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
