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

    /// <summary>What trained several runs: written once, and given to each of them again by <see cref="Read"/>; null elsewhere.</summary>
    [JsonInclude]
    public IReadOnlyList<RunOrigin>? Commands { get; private init; }

    /// <summary>Further paragraphs for the page, as Markdown, such as tables of an experiment's own.</summary>
    public string? Remarks { get; init; }

    /// <summary>Writes the report, whole or not at all: a line for each field and for each run.</summary>
    /// <param name="path">The file.</param>
    public void Write(string path)
    {
        var common = Common();
        var commands = SharedCommands();
        var written = this with
        {
            Settings = common.Count == 0 ? null : common,
            Commands = commands.Count == 0 ? null : commands,
            Runs =
            [
                .. Runs.Select(run => WithoutShared(run, commands) with
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
                ? report with
                {
                    Settings = null,
                    Commands = null,
                    Runs = [.. report.Runs.Select(run => WithCommand(Whole(run, report.Settings), report.Commands))],
                }
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

    /// <summary>What trained more than one run, in the order of their first runs.</summary>
    private List<RunOrigin> SharedCommands() =>
        [.. Runs.Where(HasOrigin).GroupBy(run => new RunOrigin(run.Command!, run.Origin!)).Where(runs => runs.Count() > 1).Select(runs => runs.Key)];

    private static bool HasOrigin(RunRecord run) => run is { Command: not null, Origin: not null };

    private static RunRecord WithoutShared(RunRecord run, List<RunOrigin> commands) =>
        HasOrigin(run) && commands.IndexOf(new(run.Command!, run.Origin!)) is var place and >= 0
            ? run with { Command = null, Origin = null, CommandIndex = place }
            : run;

    private static RunRecord WithCommand(RunRecord run, IReadOnlyList<RunOrigin>? commands)
    {
        if (run.CommandIndex is not { } place)
            return run;
        if (run.Command is not null || run.Origin is not null)
            throw new JsonException($"the run '{run.Row}' has a command or origin of its own and the index {place} of a shared one; it may have one of them.");
        return commands is not null && place >= 0 && place < commands.Count
            ? run with { Command = commands[place].Command, Origin = commands[place].Origin, CommandIndex = null }
            : throw new JsonException($"the run '{run.Row}' names command {place} of {commands?.Count ?? 0}; the first is 0.");
    }
}

/// <summary>What trained runs.</summary>
/// <param name="Command">The command line.</param>
/// <param name="Origin">Commit, version and threads.</param>
public sealed record RunOrigin(string Command, ReportOrigin Origin);
