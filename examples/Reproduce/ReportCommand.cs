using System.CommandLine;
using MappingNets.Examples.Reporting;

namespace MappingNets.Examples.Reproduce;

/// <summary>The verb that joins the reports of some folders into one page.</summary>
internal static class ReportCommand
{
    public static Command Build()
    {
        var folders = new Argument<string[]>("folders")
        {
            Description = "Folders with a report.json each, in the page's order; a notes.md beside it is put into its section.",
            Arity = ArgumentArity.OneOrMore,
        };
        var page = new Option<string>("--out")
        {
            Description = "The page to write.",
            DefaultValueFactory = _ => Path.Combine("docs", "results.md"),
        };
        var command = new Command("report", "Joins the reports of some folders into one page, docs/results.md, written from their JSON alone.")
        {
            folders, page,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(page);
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            AtomicFile.WriteAllText(path, ReportPage.Join(parsed.GetRequiredValue(folders), path));
            Console.WriteLine($"Written: {Path.GetFullPath(path)}");
        });
        return command;
    }
}
