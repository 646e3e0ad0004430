using System.Globalization;
using System.Runtime.InteropServices;

namespace MappingNets.Experiments.Reporting;

/// <summary>The machine, as reports name where they were measured.</summary>
public static class ReportMachine
{
    /// <summary>Processor count, memory and system, such as "2 cores, 23 GB, Debian GNU/Linux 12 (bookworm)".</summary>
    public static string Description { get; } = string.Create(
        CultureInfo.InvariantCulture,
        $"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GB, {RuntimeInformation.OSDescription}");
}
