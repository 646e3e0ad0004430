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
        text.Append("What training through latents reaches, beside direct training, the paper and its re-run. **Ours**: measured with this repository, the mean over the\n");
        text.Append("seeds after the last epoch; in tables ± is the sample's standard deviation, in sentences a 95% interval over the seeds, paired by seed for\n");
        text.Append("differences. All seeds share one test set, whose own standard error is 0.3 points for 10,000 images. **Paper**: what Mapping Networks (CVPR 2026)\n");
        text.Append("prints. **Re-run**: an independent third-party run of its tables (one seed, the best epoch on the test set). Our rows have no modulation where\n");
        text.Append("nothing is said, the paper's have one (`robustness` compares them). Settings were chosen on training samples held back, never on the test set, with one\n");
        text.Append("exception: the batch of 64 of the rows with full-matrix Adam was chosen by 0.06 points held out with the test accuracy in view. Runs repeat bit for\n");
        text.Append("bit within one commit only, so that one row may differ by up to 0.2 points between sections. [Words](#words) are at the end; held-out results,\n");
        text.Append(CultureInfo.InvariantCulture, $"rates, commands and commits in [results in full]({full}), trials in [the log of experiments](experiments-log.md).\n\n");
        var results = ResultFolder.Read(folders, page);
        if (Headlines.Table([.. results.Select(result => (result.Name, result.Report))]) is { Length: > 0 } headlines)
            text.Append(CultureInfo.InvariantCulture, $"## Summary\n\n{headlines}\n");
        foreach (var experiment in results.GroupBy(result => result.Experiment))
            text.Append(CultureInfo.InvariantCulture, $"## {experiment.Key}\n\n{Section([.. experiment], full, digest)}\n\n");
        text.Append(Words(full));
        return text.ToString().TrimEnd() + "\n";
    }

    /// <summary>The rows of one report, which are judged on held-out samples, as the page has them.</summary>
    /// <param name="report">The report.</param>
    public static string JudgedRows(ReportFile report) => JoinedRows.Table([report], heldOut: true);

    private static string Words(string full) => $"""
        ## Words

        - CNN1, CNN2: the paper's networks, with 537,994 and 108,618 weights on images of 28 x 28 and ten classes, more on larger inputs.
        - SLVT: one latent vector generates all weights. LWT: one for each layer. Alpha: the strength of the additive modulation.
        - The optimiser is Adam with a cosine schedule. Full-matrix Adam divides by the root of the whole matrix of the gradient's second moments, Adam by that of its diagonal.
        - Distilled: trained on the mean outputs of four directly trained networks in place of the labels.
        - Low rank first: latents generate the factors of each weight matrix.
        - PRANC, MCNC, Uni-LoRA ([in formulas]({full}#rivals)), NOLA, VeRA and LoRA: other methods with few trained parameters.
        - Oracle: its axes or weights are picked by a finished direct training, so that it shows what such a number of parameters can hold, not how to find them.
        - mIoU: intersection over union, mean over the classes. RMSE: root of the mean squared error, in µg/m³. Train % and test % of `text`: the next token. Loss of `timeseries`: squared error of the values scaled to 0 to 1. Perplexity: less is better.

        """;

    private static string Section(IReadOnlyList<ResultFolder> results, string full, Func<ReportFile, string?>? digest)
    {
        ReportFile[] reports = [.. results.Select(result => result.Report)];
        var kinds = string.Join(" ", reports.Select(ResultFolder.Kind).Distinct());
        var data = JoinedRows.Circumstances(reports);
        var table = (reports.Length == 1 ? digest?.Invoke(reports[0]) : null) ?? JoinedRows.Table(reports);
        // Some experiments have a table of their own in place of rows.
        if (table.Length == 0 || reports.Any(report => report.Trajectories is not null))
            table = string.Join("\n\n", reports.Select(report => report.Remarks?.Trim() ?? "").Where(part => part.Length > 0));
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

    // What the picture shows, for those who do not see it, and of which data, where the section has more.
    private static string Picture(ResultFolder result, string name) =>
        $"![{result.Experiment}, {result.Report.Dataset.Split(':')[0]}: {Path.GetFileNameWithoutExtension(name).Replace('-', ' ')}]({result.Link}/{name})";
}
