using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>report.json, table.md and memory.png: what hours of training and serving left in memory.</summary>
/// <param name="Command">The command that makes it again.</param>
/// <param name="Minutes">How long each kind ran.</param>
/// <param name="Date">The day, in UTC.</param>
/// <param name="Machine">Processor count and system.</param>
/// <param name="Kinds">The kinds, which ran side by side.</param>
internal sealed record SoakReport(string Command, double Minutes, string Date, string Machine, IReadOnlyList<SoakResult> Kinds)
{
    /// <summary>Whether every kind passed.</summary>
    public bool Passed => Kinds.All(kind => kind.Passed);

    /// <summary>Writes the three files.</summary>
    /// <param name="folder">An existing folder.</param>
    public void Write(string folder)
    {
        var json = (JsonObject)JsonSerializer.SerializeToNode(this, Stress.Machine.Json)!;
        AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), LinedJson.Of(json));
        AtomicFile.WriteAllText(Path.Combine(folder, "table.md"), Table());
        MemoryPlot.Write(
            [.. Kinds.Select(kind => new KeyValuePair<string, IReadOnlyList<(double, double)>>(
                kind.Kind, [.. kind.Samples.Select(sample => (sample.Seconds / 60, sample.PrivateBytes / 1048576.0))]))],
            "Private memory between rounds",
            Path.Combine(folder, "memory.png"));
    }

    /// <summary>The report as Markdown.</summary>
    public string Table()
    {
        var text = new StringBuilder();
        Line(text, $"`{Command}`, {Minutes} min each, side by side, {Date}, {Machine}");
        Line(text, $"");
        Line(text, $"| kind | rounds | steps or predictions | swaps | private memory, MiB | growth, MiB | tensors left / Parameters made | other bits | fault |");
        Line(text, $"|---|---|---|---|---|---|---|---|---|");
        foreach (var kind in Kinds)
            Line(text, $"| {kind.Kind} | {kind.Rounds:N0} | {kind.Steps:N0} | {kind.Swaps:N0} | {kind.PrivateMebibytes:0.0} | {kind.GrowthMebibytes:+0.00;-0.00} | {kind.TensorsLeft:N0} / {kind.Parameters:N0} | {kind.WrongResults} | {kind.FirstFault ?? "-"} |");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
