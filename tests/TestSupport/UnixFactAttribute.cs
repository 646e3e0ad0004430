using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that makes a symbolic link or a pipe: Windows asks a privilege for the one and has none of the other.</summary>
public sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "Making a symbolic link needs a privilege on Windows.";
    }
}
