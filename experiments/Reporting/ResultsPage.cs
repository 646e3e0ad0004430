using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.Reporting;

/// <summary>The page that a reader finishes: a summary, then for each experiment what was found, one table and one picture.</summary>
public static class ResultsPage
{
    /// <summary>What the head of a written page tells those who would edit it.</summary>
    internal const string Mark =
        "<!-- Written by `dotnet run -c Release --project experiments/Reproduce -- report`; edit notes.md in a folder of experiments/results instead. -->\n\n";

    /// <summary>The page.</summary>
    /// <param name="folders">Folders that hold a report.json each, and a notes.md whose first paragraph is the finding.</param>
    /// <param name="page">Where the page will lie; pictures are linked from there.</param>
    /// <param name="full">The name of the page that <see cref="ReportPage.Join"/> writes, in the same folder.</param>
    /// <param name="digest">From a report to a table that stands in place of its rows; null, or what returns null, for the rows.</param>
    /// <exception cref="InvalidDataException">A folder holds no report.</exception>
    /// <exception cref="FileNotFoundException">A folder has no report.json.</exception>
    public static string Of(IReadOnlyList<string> folders, string page, string full, Func<ReportFile, string?>? digest = null)
    {
        var text = new StringBuilder();
        text.Append("# Results\n\n");
        text.Append(Mark);
        text.Append("\"Ours\" was measured with this repository: the mean over the seeds ± the sample's standard deviation, after the last epoch. No row, epoch or\n");
        text.Append("rate of a table was chosen on the test set, but on training samples held back; [the log of experiments](experiments-log.md) has the trials. (The\n");
        text.Append("batch of 64 of the second-order and distilled rows was chosen by 0.06 points held out with the test accuracy in view.) \"Paper\" is what Mapping\n");
        text.Append("Networks (CVPR 2026) prints, \"re-run\" an independent third-party run of its tables (one seed, the best epoch on the test set), \"other\n");
        text.Append("publications\" what the authors of another method report of it, with other networks and lengths of training: for orientation; where nothing\n");
        text.Append("stands none is known. A seed repeats bit for bit with one commit: between sections a row's mean differs by up to 0.2 points. In sentences a ± b\n");
        text.Append("is a 95% interval over the seeds, paired by seed for differences.\n\n");
        text.Append("SLVT: one latent vector generates all weights; LWT: one for each layer. CNN1 has 537,994 weights, CNN2 108,618. Second order: steps by the\n");
        text.Append("whole matrix of the gradient's second moments. Distilled: trained on the outputs of other networks. The optimiser is Adam where nothing else is\n");
        text.Append("said, with a cosine schedule. Alpha: the strength of the modulation. Low rank first: latents generate the factors of each weight matrix.\n");
        text.Append(CultureInfo.InvariantCulture, $"PRANC, MCNC and Uni-LoRA ([in formulas]({full}#rivals)), NOLA, VeRA and LoRA: other methods with few trained parameters. mIoU: intersection over union, mean\n");
        text.Append("over the classes. RMSE: root of the mean squared error, in µg/m³.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Held-out results, learning rates, commands, commits, further tables and pictures: [results in full]({full}).\n\n");
        var results = ResultFolder.Read(folders, page);
        if (Headlines.Table([.. results.Select(result => (result.Name, result.Report))]) is { Length: > 0 } headlines)
            text.Append(CultureInfo.InvariantCulture, $"## Summary\n\n{headlines}\n");
        foreach (var experiment in results.GroupBy(result => result.Experiment))
            text.Append(CultureInfo.InvariantCulture, $"## {experiment.Key}\n\n{Section([.. experiment], full, digest)}\n\n");
        return text.ToString().TrimEnd() + "\n";
    }

    /// <summary>The rows of one report as the page has them.</summary>
    /// <param name="report">The report.</param>
    public static string Rows(ReportFile report) => JoinedRows.Table([report]);

    private static string Section(IReadOnlyList<ResultFolder> results, string full, Func<ReportFile, string?>? digest)
    {
        ReportFile[] reports = [.. results.Select(result => result.Report)];
        var kinds = string.Join(" ", reports.Select(ResultFolder.Kind).Distinct());
        // The statement of one of several data sets would be taken for that of all.
        var data = JoinedRows.Circumstances(reports, reports.Select(report => report.DataStatement).Distinct().ToArray() is [{ } same] ? same : null);
        var table = (reports.Length == 1 ? digest?.Invoke(reports[0]) : null) ?? JoinedRows.Table(reports);
        // Some experiments have no rows but a table of their own.
        if (table.Length == 0 || reports.Any(report => report.Trajectories is not null))
            table = string.Join("\n\n", reports.Select(report => report.Remarks?.Trim() ?? "").Prepend(table).Where(part => part.Length > 0));
        string[] parts =
        [
            $"{kinds} {reports[0].Title}".TrimEnd(),
            string.Join("\n\n", results.Select(result => result.Finding).OfType<string>()),
            table,
            data,
            .. results.Where(result => result.Report.Pictures is { Count: > 0 }).Take(1).Select(result => Picture(result, result.Report.Pictures![0])),
            $"In full: {string.Join(", ", results.Select(result => $"[{result.Name}]({full}#{result.Name})"))}.",
        ];
        return string.Join("\n\n", parts.Where(part => part.Length > 0));
    }

    private static string Picture(ResultFolder result, string name) =>
        $"![{Path.GetFileNameWithoutExtension(name).Replace('-', ' ')}]({result.Link}/{name})";
}
