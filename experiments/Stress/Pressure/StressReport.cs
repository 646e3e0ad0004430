using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MappingNets.Experiments.Stress;

/// <summary>What one case gave.</summary>
/// <param name="Case">Its name.</param>
/// <param name="Runs">How many times it was done.</param>
/// <param name="Steps">The steps of training, or rounds of operations, of the runs that came to their end.</param>
/// <param name="Collections">Garbage collections meanwhile.</param>
/// <param name="Failures">Runs that ended in an exception, or in the death of the process.</param>
/// <param name="WrongResults">Runs whose weights have other bits than those of the calm run.</param>
/// <param name="FirstFault">What the first failure said; null where there was none.</param>
internal sealed record CaseResult(string Case, int Runs, long Steps, long Collections, int Failures, int WrongResults, string? FirstFault);

/// <summary>report.json: what training survived while garbage was collected beside it.</summary>
/// <param name="Form">How the program was built or published.</param>
/// <param name="Cured">Whether the TorchSharp that it loaded forbids the JIT to optimise its native calls.</param>
/// <param name="Minutes">How long it was to run.</param>
/// <param name="Date">The day, in UTC.</param>
/// <param name="Machine">Processor count and system.</param>
/// <param name="Cases">The cases.</param>
internal sealed record StressReport(
    string Form, bool Cured, double Minutes, string Date, string Machine, IReadOnlyList<CaseResult> Cases)
{
    /// <summary>Whether no run failed or gave other bits.</summary>
    public bool Passed => Cases.All(one => one.Failures == 0 && one.WrongResults == 0);

    /// <summary>Writes report.json and table.md.</summary>
    /// <param name="folder">An existing folder.</param>
    public void Write(string folder)
    {
        AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(this, new JsonSerializerOptions(Stress.Machine.Json) { WriteIndented = true }) + "\n");
        AtomicFile.WriteAllText(Path.Combine(folder, "table.md"), Table());
    }

    /// <summary>The report as Markdown.</summary>
    public string Table()
    {
        var text = new StringBuilder();
        Line(text, $"{Form}, {(Cured ? "cured" : "not cured")}, {Minutes} min, {Date}, {Machine}");
        Line(text, $"");
        Line(text, $"| case | runs | steps | collections | failures | other bits | first fault |");
        Line(text, $"|---|---|---|---|---|---|---|");
        foreach (var one in Cases)
            Line(text, $"| {one.Case} | {one.Runs:N0} | {one.Steps:N0} | {one.Collections:N0} | {one.Failures} | {one.WrongResults} | {one.FirstFault ?? "-"} |");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
