using System.Runtime.InteropServices;
using System.Text.Json;

namespace MappingNets.Experiments.Stress;

/// <summary>What the reports have in common.</summary>
internal static class Machine
{
    /// <summary>Processor count and system.</summary>
    public static string Description { get; } = FormattableString.Invariant($"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}");

    /// <summary>How JSON is written, for reports and between processes.</summary>
    public static JsonSerializerOptions Json { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };
}
