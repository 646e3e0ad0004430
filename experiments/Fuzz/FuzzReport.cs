using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MappingNets.Experiments.Fuzz;

/// <summary>What a run came to.</summary>
internal sealed record FuzzReport(string Arguments, string Date, string Machine, IReadOnlyList<SubjectResult> Subjects)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>The machine, in words.</summary>
    public static string MachineName() =>
        string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}");

    /// <summary>Writes fuzz.json and fuzz.md.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteAllText(Path.Combine(folder, "fuzz.json"), JsonSerializer.Serialize(this, Json) + "\n");
        AtomicFile.WriteAllText(Path.Combine(folder, "fuzz.md"), Table());
    }

    /// <summary>A table for people.</summary>
    public string Table()
    {
        var table = new StringBuilder("| kind of file | cases | as the good file | other content, unsigned or signed anew | refused | faults | largest growth, MB | slowest, ms |\n");
        table.Append("|---|---:|---:|---:|---:|---:|---:|---:|\n");
        foreach (var one in Subjects)
            Row(table, one.Name, one.Cases, one.Equal, one.Other, one.Refused, one.Faults, one.LargestGrowthKilobytes >> 10, one.SlowestMilliseconds);
        Row(
            table, "all", Subjects.Sum(one => one.Cases), Subjects.Sum(one => one.Equal), Subjects.Sum(one => one.Other), Subjects.Sum(one => one.Refused),
            Subjects.Sum(one => one.Faults), Subjects.Max(one => one.LargestGrowthKilobytes) >> 10, Subjects.Max(one => one.SlowestMilliseconds));
        return table.ToString();
    }

    private static void Row(StringBuilder table, string name, params long[] numbers) =>
        table.Append(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", numbers.Select(number => number.ToString("N0", CultureInfo.InvariantCulture)))} |\n");
}
