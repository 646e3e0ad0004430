using System.Globalization;
using System.Text;
using System.Text.Json;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.ServeLoad;

/// <summary>A case: medians over its rounds, and the rounds.</summary>
/// <param name="Service">How many adapters there are, and of how many the weights are kept.</param>
/// <param name="Clients">How many clients send at once.</param>
/// <param name="Megabytes">The memory of the service after the last round.</param>
/// <param name="Median">The median of each figure by itself.</param>
/// <param name="Rounds">Each round.</param>
internal sealed record LoadRow(string Service, int Clients, double Megabytes, LoadRound Median, IReadOnlyList<LoadRound> Rounds)
{
    public static LoadRow Of(string service, int clients, double megabytes, IReadOnlyList<LoadRound> rounds)
    {
        return new(service, clients, Math.Round(megabytes), new(Middle(round => round.RequestsPerSecond), Middle(round => round.P50), Middle(round => round.P99)), rounds);

        double Middle(Func<LoadRound, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);
    }
}

/// <summary>report.json, and the table and pictures that come from it.</summary>
/// <param name="Machine">Where the rows were measured; clients and service share it.</param>
/// <param name="Command">What measures them again.</param>
/// <param name="Settings">How.</param>
/// <param name="Origin">With what.</param>
/// <param name="Rows">The cases.</param>
internal sealed record LoadReport(string Machine, string Command, Settings Settings, ReportOrigin Origin, IReadOnlyList<LoadRow> Rows)
{
    /// <summary>The section of a document that holds the table.</summary>
    public const string Section = "serve figures";

    private const string FileName = "report.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>The report of this machine.</summary>
    public static LoadReport Of(Settings settings, IReadOnlyList<LoadRow> rows) => new(
        ReportMachine.Description,
        $"./build.sh serve-load --seconds {settings.Seconds} --rounds {settings.Rounds} --threads {settings.Threads}", settings, ReportOrigin.Here(), rows);

    public static LoadReport Read(string folder) =>
        JsonSerializer.Deserialize<LoadReport>(File.ReadAllText(Path.Combine(folder, FileName)), Json)!;

    public void Write(string folder) => AtomicFile.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json) + "\n");

    /// <summary>Writes the pictures, and the table into a document's section where one is named.</summary>
    public void Show(string folder, string? document)
    {
        Picture("requests.png", row => row.Median.RequestsPerSecond, "requests answered in a second", "One service, one picture a request");
        Picture("p99.png", row => row.Median.P99, "ms within which 99 of 100 are answered", "The slowest hundredth");
        if (document is not null)
            MarkedSection.Replace(document, Section, Markdown());

        void Picture(string file, Func<LoadRow, double> value, string axis, string title) => Plots.GroupedBars(
            [.. Rows.Select(row => (row.Service, Plural(row.Clients), value(row)))], axis, title, Path.Combine(folder, file));
    }

    private string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine}; the clients run beside the service. {Settings.Rounds} rounds of {Settings.Seconds} s a case, in turn; medians. libtorch's threads in the service: {Settings.Threads}. Version {Origin.Library}, commit {Origin.Commit?[..12]}.");
        text.AppendLine().AppendLine("| service | memory, MB | clients | requests/s | p50, ms | p99, ms |").AppendLine("|---|---:|---:|---:|---:|---:|");
        foreach (var row in Rows.OrderBy(row => Array.IndexOf(Names(), row.Service)).ThenBy(row => row.Clients))
            text.AppendLine(CultureInfo.InvariantCulture, $"| {row.Service} | {row.Megabytes:N0} | {row.Clients} | {row.Median.RequestsPerSecond:N0} | {row.Median.P50:N1} | {row.Median.P99:N1} |");
        return text.ToString();
    }

    private string[] Names() => [.. Rows.Select(row => row.Service).Distinct()];

    private static string Plural(int clients) => clients == 1 ? "1 client" : $"{clients} clients";
}
