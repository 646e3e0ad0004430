using System.Text.Json;
using System.Text.Json.Serialization;

namespace MappingNets.Experiments.Reporting;

/// <summary>report.json: the machine-readable result of a set of runs.</summary>
/// <param name="Dataset">The data set's name.</param>
/// <param name="Runs">The runs, in the order they were made, or in that of the table's rows.</param>
public sealed record ReportFile(string Dataset, IReadOnlyList<RunRecord> Runs)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new EpochColumns() },
    };

    /// <summary>Which experiment it reports; null for the demo.</summary>
    public string? Experiment { get; init; }

    /// <summary>What the experiment shows, in one sentence.</summary>
    public string? Title { get; init; }

    /// <summary>Where the data comes from and what that means for the results, for data that needs explaining; null for others.</summary>
    public string? DataStatement { get; init; }

    /// <summary>The options; null for programs without.</summary>
    public ReportConfiguration? Config { get; init; }

    /// <summary>Commit, version and threads.</summary>
    public ReportOrigin? Origin { get; init; }

    /// <summary>Means and standard deviations over the seeds, row by row.</summary>
    public IReadOnlyList<RunSummary>? Summary { get; init; }

    /// <summary>Rows without a network, at the table's end; null where there are none.</summary>
    public IReadOnlyList<ReferenceRow>? References { get; init; }

    /// <summary>The shapes of weight trajectories; null where none were looked at.</summary>
    public IReadOnlyList<TrajectoryRecord>? Trajectories { get; init; }

    /// <summary>Searches for the intrinsic dimension; null where there were none.</summary>
    public IReadOnlyList<DimensionSearchRecord>? DimensionSearches { get; init; }

    /// <summary>The names of the pictures beside the file, in the order in which a page shows them.</summary>
    public IReadOnlyList<string>? Pictures { get; init; }

    /// <summary>The settings that all runs of the file have: written once, and given to each run again by <see cref="Read"/>; null elsewhere.</summary>
    [JsonInclude]
    public IReadOnlyDictionary<string, string>? Settings { get; private init; }

    /// <summary>Further paragraphs for the page, as Markdown, such as tables of an experiment's own.</summary>
    public string? Remarks { get; init; }

    /// <summary>Writes the report, whole or not at all: a line for each field and for each run.</summary>
    /// <param name="path">The file.</param>
    public void Write(string path)
    {
        var common = Common();
        var written = this with
        {
            Settings = common.Count == 0 ? null : common,
            Runs =
            [
                .. Runs.Select(run => run with
                {
                    History = [.. run.History.Select(epoch => epoch.Rounded())],
                    Settings = run.Settings?.Where(pair => !common.ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value),
                }),
            ],
        };
        AtomicFile.WriteAllText(path, LinedJson.Of(JsonSerializer.SerializeToNode(written, Json)!.AsObject()));
    }

    /// <summary>Reads a report.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file holds no report; the message names it.</exception>
    public static ReportFile Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<ReportFile>(File.ReadAllText(path), Json) is { Dataset: not null, Runs: not null } report
                ? report with { Settings = null, Runs = [.. report.Runs.Select(run => Whole(run, report.Settings))] }
                : throw new InvalidDataException($"'{path}' holds no report.");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{path}' holds no report: {fault.Message}", fault);
        }
    }

    private Dictionary<string, string> Common() => Runs.Count < 2 || Runs.Any(run => run.Settings is null)
        ? []
        : Runs[0].Settings!.Where(pair => Runs.All(run => run.Settings!.TryGetValue(pair.Key, out var value) && value == pair.Value))
            .ToDictionary(pair => pair.Key, pair => pair.Value);

    private static RunRecord Whole(RunRecord run, IReadOnlyDictionary<string, string>? common)
    {
        if (common is null || run.Settings is null)
            return run;
        return run.Settings.Keys.FirstOrDefault(common.ContainsKey) is { } twice
            ? throw new JsonException($"the setting '{twice}' stands in the report and in its run '{run.Row}'; it may stand in one of them.")
            : run with { Settings = common.Concat(run.Settings).ToDictionary(pair => pair.Key, pair => pair.Value) };
    }
}
