using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.Reporting;

/// <summary>A report as Markdown: our mean and standard deviation beside the paper and the re-run, each labelled.</summary>
public static class ReportPage
{
    /// <summary>report.md of one report.</summary>
    /// <param name="report">The report.</param>
    public static string Of(ReportFile report) => $"# {report.Experiment ?? "demo"}\n\n{Section(report, "", null, CommandCover.PlaceOf(report.Config?.Command))}";

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
        text.Append("\"Ours\" was measured with this repository: the mean over the seeds ± the sample's standard deviation, after the last epoch. No row,\n");
        text.Append("epoch or rate of a table was chosen on the test set; \"held out\" are training samples kept back, on which choices are made (the experiments log\n");
        text.Append("tells which, and of early trials that printed both). \"Paper\" is what Mapping Networks (CVPR 2026) prints, \"re-run\" an independent\n");
        text.Append("third-party run of its tables (one seed, the best epoch on the test set), \"other publications\" what the authors of another method report of\n");
        text.Append("it, with other networks and lengths of training: for orientation; where nothing stands none is known. A seed repeats bit for bit with one\n");
        text.Append("version, so the same row may differ by two tenths of a point between sections.\n\n");
        text.Append("SLVT: one latent vector generates all weights; LWT: one for each layer. CNN1 has 537,994 weights, CNN2 108,618. Second order: steps by the\n");
        text.Append("whole matrix of the gradient's second moments. Distilled: trained on the outputs of other networks. Where nothing else is said, batches have\n");
        text.Append("128 samples and the optimiser is Adam with a cosine schedule, from a rate of 0.05 for latents and 0.002 for direct training.\n\n");
        text.Append("A section's commands write to a folder below artifacts/reproduce, so that the committed results stay as they are; as few are printed as name\n");
        text.Append("all of its runs. FashionMNIST is Debian's package dataset-fashion-mnist; `mnist`, `prsa`, `camvid` and `cifar-10` are folders that you fetch yourself, and\n");
        text.Append("`-- EXPERIMENT --help` says what each must hold and which package has the pretrained network. Commits that the history does not have were\n");
        text.Append("rebased before they were published.\n\n");
        (string Folder, ReportFile Report)[] reports = [.. folders.Select(folder => (folder, Read(folder)))];
        if (Headlines.Table([.. reports.Select(pair => (NameOf(pair.Folder), pair.Report))]) is { Length: > 0 } headlines)
            text.Append(CultureInfo.InvariantCulture, $"## Summary\n\n{headlines}\n");
        string? before = null;
        foreach (var (folder, report) in reports)
        {
            // Further data sets of an experiment stand under it, and need not be told again what it is.
            var isFurther = report.Experiment is not null && report.Experiment == before;
            before = report.Experiment;
            var notes = Path.Combine(folder, "notes.md");
            var link = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(page))!, Path.GetFullPath(folder)).Replace('\\', '/');
            text.Append(CultureInfo.InvariantCulture, $"{(isFurther ? "###" : "##")} {Heading(report, NameOf(folder))}\n\n");
            text.Append(Section(isFurther ? report with { Title = null } : report, link + "/", File.Exists(notes) ? File.ReadAllText(notes).Trim() : null, " --out artifacts/reproduce/" + NameOf(folder)));
            text.Append(CultureInfo.InvariantCulture, $"\nFrom [{link}/report.json]({link}/report.json).\n\n");
        }

        return text.ToString().TrimEnd() + "\n";
    }

    /// <summary>A sentence, the data, the table, what is to be said of it and a picture; what it takes to make it again is folded away.</summary>
    private static string Section(ReportFile report, string link, string? own, string place)
    {
        var (table, pictures) = (ResultRows.Table(report), report.Pictures ?? []);
        string Picture(string name) => $"![{Path.GetFileNameWithoutExtension(name).Replace('-', ' ')}]({link}{name})";
        // The shapes of trajectories are the experiment's own table.
        var remarks = report.Remarks?.Trim() ?? "";
        var isTable = table.Length == 0 || report.Trajectories is not null;
        var notes = report.Runs.Where(run => run.Notes is not null).GroupBy(run => run.Notes)
            .Select(runs => $"- {string.Join("; ", runs.Select(run => run.Label).Distinct())}: {runs.Key}");
        string[] shown = [$"{Kind(report)} {report.Title}".TrimEnd(), report.DataStatement ?? "", Circumstances(report), table, isTable ? remarks : "", own ?? "", .. pictures.Take(1).Select(Picture)];
        string[] folded =
        [
            Commands(report, place) is { Count: > 0 } commands ? $"```\n{string.Join('\n', commands)}\n```" : "",
            string.Join('\n', notes),
            isTable ? "" : remarks,
            .. pictures.Skip(1).Select(Picture),
        ];
        static string Joined(IEnumerable<string> parts) => string.Join("\n\n", parts.Where(part => part.Length > 0));
        return Joined([Joined(shown), Joined(folded) is { Length: > 0 } more ? $"<details>\n<summary>How it was run, and more</summary>\n\n{more}\n\n</details>" : ""]) + "\n";
    }

    private static string Kind(ReportFile report) => report.DataStatement?.StartsWith("Synthetic", StringComparison.Ordinal) == true ? "**Synthetic data.**"
        : report.Dataset.StartsWith("blended", StringComparison.Ordinal) ? "**Real pictures, half of them with a synthetic forgery.**"
        : "**Real data.**";

    private static string NameOf(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    private static ReportFile Read(string folder)
    {
        var path = Path.Combine(folder, "report.json");
        return File.Exists(path)
            ? ReportFile.Read(path)
            : throw new FileNotFoundException($"'{folder}' has no report.json; name folders into which an experiment has written.", path);
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
