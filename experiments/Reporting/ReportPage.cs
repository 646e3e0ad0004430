using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.Reporting;

/// <summary>A report as Markdown: our mean and standard deviation beside the paper and the re-run, each labelled.</summary>
public static class ReportPage
{
    /// <summary>report.md of one report.</summary>
    /// <param name="report">The report.</param>
    public static string Of(ReportFile report) => $"# {report.Experiment ?? "demo"}\n\n{Section(report, "", null, CommandCover.PlaceOf(report.Config?.Command))}";

    /// <summary>All of some reports on one page, a section each: every table, picture and command.</summary>
    /// <param name="folders">Folders that hold a report.json each, and a notes.md where somebody had something to say.</param>
    /// <param name="page">Where the page will lie; pictures are linked from there.</param>
    /// <param name="beside">The name of the page that tells what was found, which lies in the same folder.</param>
    /// <exception cref="InvalidDataException">A folder holds no report.</exception>
    /// <exception cref="FileNotFoundException">A folder has no report.json.</exception>
    public static string Join(IReadOnlyList<string> folders, string page, string beside)
    {
        var text = new StringBuilder();
        text.Append("# Results in full\n\n");
        text.Append(ResultsPage.Mark);
        text.Append(CultureInfo.InvariantCulture, $"Every table, picture and command behind [the results]({beside}), which also explain the words used here.\n\n");
        text.Append("A section's commands write to a folder below artifacts/reproduce, so that the committed results stay as they are; as few are printed as name\n");
        text.Append("all of its runs. FashionMNIST is Debian's package dataset-fashion-mnist; `mnist`, `prsa`, `camvid` and `cifar-10` are folders that you fetch yourself, and\n");
        text.Append("`-- EXPERIMENT --help` says what each must hold and which package has the pretrained network: `--dataset mnist` takes the folder that\n");
        text.Append("MAPPINGNETS_MNIST names, `cifar-10-500` and `blended` the pictures of CIFAR-10 (train/CLASS/0000.jpg), `camvid-squares` those of CamVid. Commits\n");
        text.Append("that the history does not have were rebased before they were published. A deviation is that of the sample, divided by n - 1.\n\n");
        foreach (var result in ResultFolder.Read(folders, page))
        {
            text.Append(CultureInfo.InvariantCulture, $"## {result.Name}\n\n");
            text.Append(Section(result.Report, result.Link + "/", result.Notes, " --out artifacts/reproduce/" + result.Name));
            text.Append(CultureInfo.InvariantCulture, $"\nFrom [{result.Link}/report.json]({result.Link}/report.json).\n\n");
        }

        return text.ToString().TrimEnd() + "\n";
    }

    /// <summary>A sentence, the data, the table, what is to be said of it, what it takes to make it again, and the pictures.</summary>
    private static string Section(ReportFile report, string link, string? own, string place)
    {
        var (table, pictures) = (ResultRows.Table(report), report.Pictures ?? []);
        string Picture(string name) => $"![{Path.GetFileNameWithoutExtension(name).Replace('-', ' ')}]({link}{name})";
        // The shapes of trajectories are the experiment's own table.
        var remarks = report.Remarks?.Trim() ?? "";
        var isTable = table.Length == 0 || report.Trajectories is not null;
        var notes = report.Runs.Where(run => run.Notes is not null).GroupBy(run => run.Notes)
            .Select(runs => $"- {string.Join("; ", runs.Select(run => run.Label).Distinct())}: {runs.Key}");
        string[] parts =
        [
            $"{ResultFolder.Kind(report)} {report.Title}".TrimEnd(),
            report.DataStatement ?? "",
            Circumstances(report),
            table,
            isTable ? remarks : "",
            own ?? "",
            .. pictures.Take(1).Select(Picture),
            Commands(report, place) is { Count: > 0 } commands ? $"```\n{string.Join('\n', commands)}\n```" : "",
            string.Join('\n', notes),
            isTable ? "" : remarks,
            .. pictures.Skip(1).Select(Picture),
        ];
        return string.Join("\n\n", parts.Where(part => part.Length > 0)) + "\n";
    }

    /// <summary>What makes the report again: commands that name all of its runs, all but the first adding to what is there.</summary>
    private static List<string> Commands(ReportFile report, string place) =>
        [.. CommandCover.Of(report).Select((command, number) => $"{command}{place}{(number == 0 ? "" : " --resume")}")];

    private static string Circumstances(ReportFile report)
    {
        var facts = new List<string> { $"Data: {report.Dataset}" };
        if (report.Config is { TrainingImages: { } images })
            facts.Add(FormattableString.Invariant($"{images:N0} training samples"));
        if (report.Config is { Quick: true })
            facts.Add("**a quick look with few samples and epochs, not a result**");
        var epochs = report.Runs.Select(run => run.Epochs).Distinct().Order().ToArray();
        if (epochs.Length > 0)
            facts.Add(epochs.Length == 1 ? $"{epochs[0]} epoch{(epochs[0] == 1 ? "" : "s")}" : $"{epochs[0]} to {epochs[^1]} epochs");
        var rows = ResultRows.Rows(report);
        // What rows differ in has a column of its own.
        foreach (var (setting, text) in new[] { ("batch size", "batches of {0}"), ("learning rate", "rate {0}") })
            if (rows.Select(row => ResultRows.Setting(report, row, setting)).Distinct().ToArray() is [{ Length: > 0 } same])
                facts.Add(string.Format(CultureInfo.InvariantCulture, text, same));
        var origins = report.Runs.Select(run => run.Origin ?? report.Origin).Append(report.Runs.Count == 0 ? report.Origin : null).OfType<ReportOrigin>().Distinct();
        facts.AddRange(origins.GroupBy(origin => (origin.Library, origin.Threads)).Select(origin =>
            $"version {origin.Key.Library}, {origin.Key.Threads} thread{(origin.Key.Threads == 1 ? "" : "s")}, {Commits([.. origin.Select(one => one.Commit)])}"));
        return string.Join("; ", facts) + ".";
    }

    private static string Commits(IReadOnlyList<string?> commits) =>
        $"commit{(commits.Count == 1 ? "" : "s")} {string.Join(", ", commits.Select(Short))}";

    private static string Short(string? commit) => commit is null
        ? "unknown"
        : $"{commit[..Math.Min(12, commit.Length)]}{(commit.EndsWith("-dirty", StringComparison.Ordinal) ? " with changes" : "")}";
}
