using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that needs the cultures of ICU, which on Linux is a library of its own.</summary>
public sealed class IcuTheoryAttribute : TheoryAttribute
{
    public IcuTheoryAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "The probe is started by 'env'.";
        else if (OperatingSystem.IsLinux() && !IsInstalled())
            Skip = "ICU is missing: install libicu (on Debian and Ubuntu the package libicu72 or newer; './build.sh test' does so as root).";
    }

    private static bool IsInstalled() =>
        new[] { "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib" }.Where(Directory.Exists).Any(folder =>
            Directory.EnumerateFiles(folder, "libicuuc.so*").Any()
            || Directory.EnumerateDirectories(folder, "*-linux-*").Any(inner => Directory.EnumerateFiles(inner, "libicuuc.so*").Any()));
}
