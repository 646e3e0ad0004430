using System.Globalization;
using System.Text.RegularExpressions;

namespace MappingNets.Experiments.Reporting;

/// <summary>
/// The commands that a page prints for a report. A table grows over many commands, and later ones may name runs of earlier ones; a reader needs only as
/// many as together name every run.
/// </summary>
internal static partial class CommandCover
{
    /// <summary>Some of the commands that trained a report's runs, each time the one that names most of the runs that are left; then merged.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<string> Of(ReportFile report)
    {
        var commands = report.Runs.Select(run => CommandOf(report, run)).OfType<string>().Select(WithoutPlace).Distinct().ToArray();
        var left = report.Runs.ToList();
        var chosen = new List<string>();
        while (commands.Except(chosen).MaxBy(command => left.Count(run => Names(command, report, run))) is { } next
            && left.RemoveAll(run => Names(next, report, run)) > 0)
            chosen.Add(next);
        return commands.Length == 0 && report.Config is { } config
            ? [WithoutPlace(config.Command)]
            : [.. Merged(Merged(commands.Where(chosen.Contains), "seeds"), "methods")];
    }

    /// <summary>One command in place of those that differ in an option's list alone.</summary>
    private static IEnumerable<string> Merged(IEnumerable<string> commands, string option)
    {
        string With(string command, Func<string> list) =>
            Choice().Replace(command, match => match.Groups["option"].Value == option ? $" --{option} {list()}" : match.Value);
        return commands.GroupBy(command => With(command, () => "")).Select(alike => With(alike.First(), () => Quoted(alike.SelectMany(command => Words(command, option)).Distinct())));
    }

    private static string Quoted(IEnumerable<string> words) => string.Join(',', words) is var list && list.Contains('*', StringComparison.Ordinal) ? $"'{list}'" : list;

    /// <summary>The folder that a command writes to, as " --out FOLDER"; empty where it names none.</summary>
    /// <param name="command">The command.</param>
    public static string PlaceOf(string? command) => Place().Matches(command ?? "").Select(match => match.Value).FirstOrDefault(value => value.StartsWith(" --out", StringComparison.Ordinal)) ?? "";

    /// <summary>A command without the folder that it writes to and without what it goes on from.</summary>
    /// <param name="command">The command.</param>
    private static string WithoutPlace(string command) => Place().Replace(command, "");

    /// <summary>
    /// Whether a command trains a run: its own does, and so does another of the same options with the run's seed and row among its own. One without
    /// --methods trains all rows, or, for a sweep, those that its own kind of command trains.
    /// </summary>
    private static bool Names(string command, ReportFile report, RunRecord run)
    {
        if (CommandOf(report, run) is not { } whole)
            return false;
        var own = WithoutPlace(whole);
        return command == own
            || (Choice().Replace(command, "") == Choice().Replace(own, "")
                && Words(command, "seeds").Any(seed => seed == run.Seed.ToString(CultureInfo.InvariantCulture))
                && (Words(command, "methods") is { Length: > 0 } rows
                    ? rows.Any(row => MethodPattern.Matches(row, run.Row ?? ""))
                    : Words(own, "methods").Length == 0 || report.Experiment != "sweep"));
    }

    private static string? CommandOf(ReportFile report, RunRecord run) => run.Command ?? report.Config?.Command;

    private static string[] Words(string command, string option) =>
        Choice().Matches(command).FirstOrDefault(match => match.Groups["option"].Value == option)?.Groups["value"].Value.Trim('\'').Split(',') ?? [];

    [GeneratedRegex(" --(?:out (?:'[^']*'|[^ ]+)|resume)(?= |$)")]
    private static partial Regex Place();

    [GeneratedRegex(" --(?<option>seeds|methods) (?<value>'[^']*'|[^ ]+)")]
    private static partial Regex Choice();
}
