using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that asks Linux for the highest memory of a process since a moment.</summary>
public sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute()
    {
        if (!File.Exists("/proc/self/clear_refs"))
            Skip = "Only Linux tells the highest memory of a process since a moment (/proc/self/clear_refs).";
    }
}
