using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.Reporting;

/// <summary>A report as Markdown: our mean and standard deviation beside the paper and the re-run, each labelled.</summary>
public static class ReportPage
{
    /// <summary>report.md of one report.</summary>
    /// <param name="report">The report.</param>
    public static string Of(ReportFile report) => $"# {report.Experiment ?? "demo"}\n\n{Section(report, "", null)}";

    /// <summary>One page of many reports, for docs/results.md.</summary>
    /// <param name="folders">Folders that hold a report.json each, and a notes.md where somebody had something to say.</param>
    /// <param name="page">Where the page will lie; pictures are linked from there.</param>
    /// <exception cref="InvalidDataException">A folder holds no report.</exception>
    /// <exception cref="FileNotFoundException">A folder has no report.json.</exception>
    public static string Join(IReadOnlyList<string> folders, string page)
    {
        var text = new StringBuilder();
        text.Append("# Results\n\n");
        text.Append("<!-- Written by `dotnet run -c Release --project experiments/Reproduce -- report`; edit notes.md in a folder of experiments/results instead. -->\n\n");
        text.Append("\"Ours\" was measured with this repository: the mean over the seeds ± the sample's standard deviation, after the last epoch; nothing\n");
        text.Append("was chosen on the test set. \"Paper\" is what Mapping Networks (CVPR 2026) prints, \"re-run\" an independent third-party run of its\n");
        text.Append("tables (one seed, the best epoch on the test set). The commands of runs made before version 0.2.0 name today's folders.\n\n");
        foreach (var folder in folders)
        {
            var path = Path.Combine(folder, "report.json");
            if (!File.Exists(path))
                throw new FileNotFoundException($"'{folder}' has no report.json; name folders into which an experiment has written.", path);
            var report = ReportFile.Read(path);
            var notes = Path.Combine(folder, "notes.md");
            var link = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(page))!, Path.GetFullPath(folder)).Replace('\\', '/');
            text.Append(CultureInfo.InvariantCulture, $"## {Heading(report, Path.GetFileName(Path.GetFullPath(folder)))}\n\n");
            text.Append(Section(report, link + "/", File.Exists(notes) ? File.ReadAllText(notes).Trim() : null));
            text.Append(CultureInfo.InvariantCulture, $"\nFrom [{link}/report.json]({link}/report.json).\n\n");
        }

        return text.ToString().TrimEnd() + "\n";
    }

    private static string Section(ReportFile report, string link, string? own)
    {
        var parts = new List<string>();
        if (report.Title is { } title)
            parts.Add(title);
        if (Commands(report) is { Count: > 0 } commands)
            parts.Add($"```\n{string.Join('\n', commands)}\n```");
        parts.Add(Circumstances(report));
        parts.Add(ResultRows.Table(report));
        var notes = report.Runs.Where(run => run.Notes is not null).GroupBy(run => run.Notes)
            .Select(runs => $"- {string.Join("; ", runs.Select(run => run.Label).Distinct())}: {runs.Key}");
        parts.Add(string.Join('\n', notes));
        if (report.Remarks is { } remarks)
            parts.Add(remarks.Trim());
        if (own is { Length: > 0 })
            parts.Add(own);
        parts.AddRange((report.Pictures ?? []).Select(picture => $"![{Path.GetFileNameWithoutExtension(picture).Replace('-', ' ')}]({link}{picture})"));
        return string.Join("\n\n", parts.Where(part => part.Length > 0)) + "\n";
    }

    /// <summary>What makes the report again: each command that trained some of its runs, all but the first adding to what is there.</summary>
    private static List<string> Commands(ReportFile report)
    {
        var commands = report.Runs.Select(run => run.Command ?? report.Config?.Command).OfType<string>().Distinct().ToList();
        if (commands.Count == 0 && report.Config is { } config)
            commands.Add(config.Command);
        return [.. commands.Select((command, place) => place == 0 ? command : command + " --resume")];
    }

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

    // Two reports of one experiment are told apart by their folders.
    private static string Heading(ReportFile report, string folder) =>
        report.Experiment is { } experiment && experiment != folder ? $"{experiment} ({folder})" : folder;
}
