using System.Diagnostics;
using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>The memory that belongs to this process alone.</summary>
public static class ProcessMemory
{
    private const string Map = "/proc/self/smaps_rollup";

    /// <summary>Private bytes: Private_Clean and Private_Dirty of smaps_rollup where there is one, else what the system calls private.</summary>
    public static long PrivateBytes()
    {
        if (File.Exists(Map))
            return 1024 * File.ReadLines(Map).Where(line => line.StartsWith("Private_", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        using var process = Process.GetCurrentProcess();
        return process.PrivateMemorySize64;
    }

    /// <summary>Runs the finalisers of what is garbage, so that only what is held is counted.</summary>
    public static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
