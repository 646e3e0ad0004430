using System.CommandLine;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The verb that joins the reports of some folders into pages.</summary>
internal static class ReportCommand
{
    public static Command Build()
    {
        var folders = new Argument<string[]>("folders")
        {
            Description = "Folders with a report.json each, in the page's order; a notes.md beside it begins with the finding and goes into its section. "
                + "Default: all of experiments/results that hold an experiment's report.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var page = new Option<string>("--out")
        {
            Description = "The page to write; what stands behind it goes into NAME-in-full beside it.",
            DefaultValueFactory = _ => Path.Combine("docs", "results.md"),
        };
        var pictures = new Option<bool>("--pictures") { Description = "Also draws the pictures again that follow from a report alone." };
        var command = new Command("report", "Joins the reports of some folders into a page, docs/results.md, and one of all their tables, pictures and commands.")
        {
            folders, page, pictures,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(page);
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            var joined = parsed.GetValue(folders) is { Length: > 0 } named ? named : Committed();
            foreach (var one in parsed.GetValue(pictures) ? joined : [])
            {
                var report = ReportFile.Read(Path.Combine(one, "report.json"));
                Experiments.All.SingleOrDefault(experiment => experiment.Name == report.Experiment)?.Redraw(report, one);
            }

            var full = Path.Combine(Path.GetDirectoryName(path) ?? "", Path.GetFileNameWithoutExtension(path) + "-in-full" + Path.GetExtension(path));
            AtomicFile.WriteAllText(full, ReportPage.Join(joined, full, Path.GetFileName(path)));
            AtomicFile.WriteAllText(path, ResultsPage.Of(joined, path, Path.GetFileName(full), DigestOf));
            Console.WriteLine($"Written: {Path.GetFullPath(path)} and {Path.GetFullPath(full)}");
        });
        return command;
    }

    private static string? DigestOf(ReportFile report) =>
        Experiments.All.SingleOrDefault(experiment => experiment.Name == report.Experiment)?.Digest(report);

    /// <summary>The results in the repository, in the order of `list`.</summary>
    private static string[] Committed()
    {
        const string results = "experiments/results";
        if (!Directory.Exists(results))
            throw new DirectoryNotFoundException($"There is no folder '{results}' here; name the folders to join.");
        string[] names = [.. Experiments.All.Select(experiment => experiment.Name)];
        return
        [
            .. Directory.GetDirectories(results)
                .Where(folder => File.Exists(Path.Combine(folder, "report.json")))
                .OrderBy(folder => folder, StringComparer.Ordinal)
                .Select(folder => (Folder: folder, Place: Array.IndexOf(names, ExperimentOf(folder))))
                .Where(found => found.Place >= 0)
                .OrderBy(found => found.Place)
                .Select(found => found.Folder),
        ];
    }

    // Other programs' reports, such as the bench's, are of another kind.
    private static string? ExperimentOf(string folder)
    {
        try
        {
            return ReportFile.Read(Path.Combine(folder, "report.json")).Experiment;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
