namespace MappingNets.Experiments.Reporting;

/// <summary>A folder of results as a page links to it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Link">Its path from the page.</param>
/// <param name="Report">Its report.json.</param>
/// <param name="Notes">Its notes.md: the finding as the first paragraph, then all else that is to be said; null where there is none.</param>
internal sealed record ResultFolder(string Name, string Link, ReportFile Report, string? Notes)
{
    /// <summary>What the notes begin with; null without notes.</summary>
    public string? Finding => Notes?.ReplaceLineEndings("\n").Split("\n\n")[0];

    /// <summary>What the experiment is called: several folders may hold the same one of other data. Forgeries without faces are no deepfakes.</summary>
    public string Experiment => ExperimentOf(Report) ?? Name;

    /// <summary>What a report's experiment is called; null where it does not say.</summary>
    /// <param name="report">The report.</param>
    public static string? ExperimentOf(ReportFile report) =>
        IsForged(report) ? "manipulation detection" : report.Experiment;

    /// <summary>Reads some folders.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="page">Where the page will lie that links to them.</param>
    /// <exception cref="FileNotFoundException">A folder has no report.json.</exception>
    public static IReadOnlyList<ResultFolder> Read(IReadOnlyList<string> folders, string page) => [.. folders.Select(folder =>
    {
        var (report, notes) = (Path.Combine(folder, "report.json"), Path.Combine(folder, "notes.md"));
        return new ResultFolder(
            Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(page))!, Path.GetFullPath(folder)).Replace('\\', '/'),
            File.Exists(report)
                ? ReportFile.Read(report)
                : throw new FileNotFoundException($"'{folder}' has no report.json; name folders into which an experiment has written.", report),
            File.Exists(notes) ? File.ReadAllText(notes).Trim() : null);
    })];

    /// <summary>Whether a report's data is real, which its section says first.</summary>
    /// <param name="report">The report.</param>
    public static string Kind(ReportFile report) => report.DataStatement?.StartsWith("Synthetic", StringComparison.Ordinal) == true ? "**Synthetic data.**"
        : IsForged(report) ? "**Real pictures, half of them with a synthetic forgery.**"
        : "**Real data.**";

    private static bool IsForged(ReportFile report) => report.Dataset.StartsWith("blended", StringComparison.Ordinal);
}
