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
        var options = new Options(arguments, "--kills", "--seed", "--only", "--out");
        var kills = (int)options.Number("--kills", DefaultKills, 1, 1e6);
        var random = new Random((int)options.Number("--seed", 1, 0, int.MaxValue));
        var folder = options.Folder(Path.Combine("artifacts", "crash"));
        var chosen = Chosen(options, [.. Killing(random).Select(one => one.Name), .. FailingDisk.All.Select(one => one.Name)]);
        var killing = Killing(random).Where(one => chosen.Contains(one.Name)).ToArray();
        var results = new List<CrashResult>();
        foreach (var (index, scenario) in killing.Index())
            results.Add(InFolder(place => scenario.Run((kills / killing.Length) + (index < kills % killing.Length ? 1 : 0), place)));
        foreach (var failing in FailingDisk.All.Where(one => chosen.Contains(one.Name)))
            results.Add(InFolder(failing.Run));
        var report = new CrashReport(
            options.Command("crash"),
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Machine.Description,
            results);
        report.Write(folder);
        Console.WriteLine(report.Table());
        Console.WriteLine($"Results: {folder}");
        return report.Passed ? 0 : 1;
    }

    private static List<(string Name, Func<int, string, CrashResult> Run)> Killing(Random random) =>
    [
        (ServingCrash.Name, (kills, place) => ServingCrash.Run(kills, random, place)),
        .. TrainingCrash.Kinds.Select(kind => (
            $"training {kind}", new Func<int, string, CrashResult>((kills, place) => TrainingCrash.Run(kind, kills, random, place)))),
        .. SavingCrash.All.Select(saving => (
            saving.Scenario, new Func<int, string, CrashResult>((kills, place) => saving.Run(kills, random, place)))),
    ];

    private static IReadOnlyCollection<string> Chosen(Options options, string[] all)
    {
        var only = options.Text("--only", "");
        string[] chosen = only == "" ? all : only.Split(',');
        return chosen.Except(all).FirstOrDefault() is { } unknown
            ? throw new UsageException($"There is no scenario '{unknown}'; there are {string.Join(", ", all)}.")
            : chosen;
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
