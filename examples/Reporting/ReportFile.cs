using System.Text.Json;
using System.Text.Json.Serialization;

namespace MappingNets.Examples.Reporting;

/// <summary>report.json: the machine-readable result of a set of runs.</summary>
/// <param name="Dataset">The data set's name.</param>
/// <param name="Runs">The runs, in the order they were made.</param>
public sealed record ReportFile(string Dataset, IReadOnlyList<RunRecord> Runs)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Which experiment it reports; null for the demo.</summary>
    public string? Experiment { get; init; }

    /// <summary>The shapes of weight trajectories; null where none were looked at.</summary>
    public IReadOnlyList<TrajectoryRecord>? Trajectories { get; init; }

    /// <summary>Searches for the intrinsic dimension; null where there were none.</summary>
    public IReadOnlyList<DimensionSearchRecord>? DimensionSearches { get; init; }

    /// <summary>Writes the report, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    public void Write(string path) => AtomicFile.WriteAllText(path, JsonSerializer.Serialize(this, Json) + "\n");

    /// <summary>Reads a report.</summary>
    /// <param name="path">The file.</param>
    public static ReportFile Read(string path) =>
        JsonSerializer.Deserialize<ReportFile>(File.ReadAllText(path), Json)
        ?? throw new InvalidDataException($"'{path}' holds no report.");
}
