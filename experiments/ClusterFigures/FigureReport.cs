using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>A measurement.</summary>
/// <param name="Part">What it is part of.</param>
/// <param name="Network">The network, or what stands in its place.</param>
/// <param name="Method">How it is trained.</param>
/// <param name="Workers">How many workers share a step.</param>
/// <param name="Line">What lies between a worker and the silo.</param>
/// <param name="Sent">Bytes that a worker sends in a step.</param>
/// <param name="Received">Bytes that it receives.</param>
/// <param name="Milliseconds">The median step.</param>
/// <param name="Origin">With what it was measured, where that is not the report's; null where it is.</param>
internal sealed record FigureRow(
    string Part, string Network, string Method, int Workers, string Line, double Sent, double Received, double Milliseconds,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ReportOrigin? Origin = null);

/// <summary>report.json, and the table and pictures that come from it.</summary>
/// <param name="Machine">Where the rows were measured.</param>
/// <param name="Command">What measures them again.</param>
/// <param name="Origin">With what they were measured that do not say otherwise.</param>
/// <param name="Rows">The measurements.</param>
internal sealed record FigureReport(string Machine, string Command, ReportOrigin Origin, IReadOnlyList<FigureRow> Rows)
{
    /// <summary>The section of a document that holds the tables.</summary>
    public const string Section = "cluster figures";

    private const string FileName = "report.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>The report of a folder, with the machine and the origin that it was measured with; an empty one of this machine where there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">The file holds no report.</exception>
    public static FigureReport Open(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
            return Empty();
        try
        {
            return JsonSerializer.Deserialize<FigureReport>(File.ReadAllText(file), Json) is { Machine: not null, Origin: not null, Rows: not null } report
                ? report
                : throw new InvalidDataException($"'{file}' holds no report of cluster figures.");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{file}' holds no report of cluster figures: {fault.Message}", fault);
        }
    }

    /// <summary>The report of a folder, to measure some parts anew for it on this machine.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="parts">The parts that are measured; none where the tables and pictures alone are made anew.</param>
    /// <exception cref="InvalidDataException">The other parts were measured on another machine.</exception>
    public static FigureReport ToMeasure(string folder, IReadOnlyCollection<string> parts)
    {
        var report = Open(folder);
        if (parts.Count == 0 || report.Machine == ReportMachine.Description)
            return report;
        return report.Rows.FirstOrDefault(row => !parts.Contains(row.Part)) is { } other
            ? throw new InvalidDataException(
                $"'{Path.Combine(folder, FileName)}' holds the part '{other.Part}' as measured on {report.Machine}; this machine is {ReportMachine.Description}. "
                + "Name another folder with --out, or measure all parts anew.")
            : Empty();
    }

    private static FigureReport Empty() => new(ReportMachine.Description, "./build.sh cluster-figures", ReportOrigin.Here(), []);

    /// <summary>The report with one row more, which was measured now.</summary>
    public FigureReport With(FigureRow row) => this with { Rows = [.. Rows, ReportOrigin.Here() is var now && now == Origin ? row : row with { Origin = now }] };

    /// <summary>The report without the rows of a part; where nothing is left, an empty one.</summary>
    public FigureReport Without(string part) =>
        Rows.Where(row => row.Part != part).ToArray() is { Length: > 0 } rows ? this with { Rows = rows } : Empty();

    /// <summary>Writes the report.</summary>
    public void Write(string folder) => AtomicFile.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json));

    /// <summary>Writes the pictures, and the tables into a document's section where one is named.</summary>
    public void Show(string folder, string? document)
    {
        Picture("bytes.png", "bytes", row => row.Network, row => row.Method, row => row.Sent / 1e3, "KB sent by a worker in a step", "Bytes on the wire");
        Picture(
            "workers.png", "workers", row => $"{row.Workers} worker{(row.Workers == 1 ? "" : "s")}",
            row => row.Line == "none" ? "side by side, nothing exchanged" : "one step together", row => row.Milliseconds, "ms a step",
            "CNN2, a batch of 128 by workers that share this machine's cores");
        Picture("lines.png", "lines", row => row.Line, row => $"{row.Network} {row.Method}", row => row.Milliseconds, "ms a step", "Two workers, by their line to the silo");
        if (document is not null)
            MarkedSection.Replace(document, Section, Markdown());

        void Picture(
            string file, string part, Func<FigureRow, string> group, Func<FigureRow, string> series, Func<FigureRow, double> value, string axis, string title)
        {
            var rows = Rows.Where(row => row.Part == part).Select(row => (group(row), series(row), value(row))).ToArray();
            if (rows.Length > 0)
                Plots.GroupedBars(rows, axis, title, Path.Combine(folder, file));
        }
    }

    /// <summary>The tables.</summary>
    public string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Measured on {Machine}, with d = {MeasuredRun.Latents:N0}, one thread a worker.").AppendLine();
        Table($"A worker's bytes on the wire in a step, two workers with a batch of {Batches("bytes")} each:", "network", ["mapped, KB sent", "mapped, KB received", "direct, KB sent", "direct, KB received"],
            Of("bytes").GroupBy(row => row.Network).Select(rows => (rows.Key, new[] { "mapped", "direct" }
                .Select(method => rows.FirstOrDefault(row => row.Method == method)).SelectMany(row => new[] { row?.Sent / 1e3, row?.Received / 1e3 }))));
        Table("A step of CNN2 with a batch of 128, by workers that share this machine's cores:", "workers", ["nothing exchanged, ms", "one step together, ms", "the exchange, %"],
            Of("workers").GroupBy(row => row.Workers).Select(rows =>
            {
                var (apart, together) = (rows.First(row => row.Line == "none").Milliseconds, rows.First(row => row.Line != "none").Milliseconds);
                return (rows.Key.ToString(CultureInfo.InvariantCulture), (IEnumerable<double?>)[apart, together, 100 * ((together / apart) - 1)]);
            }));
        var columns = Of("lines").Select(row => $"{row.Network} {row.Method}").Distinct().ToArray();
        Table($"A step of two workers with a batch of {Batches("lines")} each, by their line to the silo, ms:", "line", columns,
            Of("lines").GroupBy(row => row.Line).Select(rows => (rows.Key, columns
                .Select(column => rows.FirstOrDefault(row => $"{row.Network} {row.Method}" == column)?.Milliseconds))));
        Table("A step of 1,000 simulated workers in one process (no pass, 8 KB each), and the bytes of the busiest reducer:", "reducers", ["KB in", "KB out", "ms"],
            Of("many").Select(row => (row.Method, (IEnumerable<double?>)[row.Received / 1e3, row.Sent / 1e3, row.Milliseconds])));
        return text.ToString();

        IEnumerable<FigureRow> Of(string part) => Rows.Where(row => row.Part == part);

        string Batches(string part) =>
            string.Join(", ", Of(part).Select(row => row.Network).Distinct().Select(network => $"{Measurements.BatchOf(network)} ({network})"));

        void Table(string title, string first, IReadOnlyCollection<string> headings, IEnumerable<(string Name, IEnumerable<double?> Cells)> rows)
        {
            text.AppendLine(title).AppendLine();
            text.AppendLine(CultureInfo.InvariantCulture, $"| {first} | {string.Join(" | ", headings)} |");
            text.AppendLine($"|---|{string.Concat(headings.Select(_ => "---:|"))}");
            foreach (var (name, cells) in rows)
                text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", cells.Select(Cell))} |");
            text.AppendLine();
        }
    }

    private static string Cell(double? value) => value?.ToString(Math.Abs(value.Value) < 100 ? "N1" : "N0", CultureInfo.InvariantCulture) ?? "";
}
