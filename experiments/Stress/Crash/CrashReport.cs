using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>report.json and table.md: what was left of files and runs after processes were ended, and where disks failed.</summary>
/// <param name="Command">The command that makes it again.</param>
/// <param name="Date">The day, in UTC.</param>
/// <param name="Machine">Processor count and system.</param>
/// <param name="Scenarios">The scenarios.</param>
internal sealed record CrashReport(string Command, string Date, string Machine, IReadOnlyList<CrashResult> Scenarios)
{
    /// <summary>Whether nothing was lost.</summary>
    public bool Passed => Scenarios.All(one => one.Faults == 0);

    /// <summary>Writes both files.</summary>
    /// <param name="folder">An existing folder.</param>
    public void Write(string folder)
    {
        AtomicFile.WriteAllText(
            Path.Combine(folder, "report.json"), LinedJson.Of((JsonObject)JsonSerializer.SerializeToNode(this, Stress.Machine.Json)!));
        AtomicFile.WriteAllText(Path.Combine(folder, "table.md"), Table());
    }

    /// <summary>The report as Markdown.</summary>
    public string Table()
    {
        var text = new StringBuilder();
        Line(text, $"`{Command}`, {Date}, {Machine}");
        Line(text, $"");
        Line(text, $"| scenario | kills | checks | faults | first fault |");
        Line(text, $"|---|---|---|---|---|");
        foreach (var one in Scenarios)
            Line(text, $"| {one.Scenario} | {one.Kills:N0} | {one.Checks:N0} | {one.Faults} | {one.FirstFault ?? one.Left ?? "-"} |");
        Line(text, $"| all | {Scenarios.Sum(one => one.Kills):N0} | {Scenarios.Sum(one => one.Checks):N0} | {Scenarios.Sum(one => one.Faults)} | |");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
