using System.Globalization;

namespace MappingNets.Experiments.Stress;

/// <summary>The verb "crash": processes ended in the midst of training, saving and serving, and disks that fail.</summary>
internal static class CrashProgram
{
    private const int DefaultKills = 300;

    /// <summary>Runs all scenarios and writes the report.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        var options = new Options(arguments, "--kills", "--seed", "--out");
        var kills = (int)options.Number("--kills", DefaultKills, 1, 1e6);
        var random = new Random((int)options.Number("--seed", 1, 0, int.MaxValue));
        var folder = options.Folder(Path.Combine("artifacts", "crash"));
        var scenarios = new List<Func<int, string, CrashResult>>
        {
            (count, place) => ServingCrash.Run(count, random, place),
        };
        scenarios.AddRange(TrainingCrash.Kinds.Select(kind =>
            new Func<int, string, CrashResult>((count, place) => TrainingCrash.Run(kind, count, random, place))));
        scenarios.AddRange(SavingCrash.All.Select(saving => new Func<int, string, CrashResult>((count, place) => saving.Run(count, random, place))));
        var results = new List<CrashResult>();
        foreach (var (scenario, index) in scenarios.Select((scenario, index) => (scenario, index)))
            results.Add(InFolder(place => scenario((kills / scenarios.Count) + (index < kills % scenarios.Count ? 1 : 0), place)));
        foreach (var failing in FailingDisk.All)
            results.Add(InFolder(failing));
        var report = new CrashReport(
            $"./build.sh crash {string.Join(' ', arguments)}".TrimEnd(),
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Machine.Description,
            results);
        report.Write(folder);
        Console.WriteLine(report.Table());
        Console.WriteLine($"Results: {folder}");
        return report.Passed ? 0 : 1;
    }

    private static CrashResult InFolder(Func<string, CrashResult> run)
    {
        var folder = Directory.CreateTempSubdirectory("mappingnets-crash-");
        try
        {
            var result = run(folder.FullName);
            Console.Error.WriteLine($"{result.Scenario}: {result.Kills} kills, {result.Checks} checks, {result.FirstFault ?? result.Left ?? "passed"}");
            return result;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
