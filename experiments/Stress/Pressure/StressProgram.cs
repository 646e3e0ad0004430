using System.Globalization;
using System.Text.Json;

namespace MappingNets.Experiments.Stress;

/// <summary>The verb "stress": every case in a process of its own.</summary>
internal static class StressProgram
{
    /// <summary>The verb of a case's own process.</summary>
    public const string CaseVerb = "stress-case";

    /// <summary>Runs all cases and writes the report.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        var options = new Options(arguments, "--minutes", "--out", "--form");
        var (minutes, folder) = (options.Minutes(1), options.Folder(Path.Combine("artifacts", "stress")));
        var results = new List<CaseResult>();
        foreach (var @case in StressCase.All)
        {
            results.Add(InProcess(@case.Name, TimeSpan.FromMinutes(minutes) / StressCase.All.Count));
            Console.Error.WriteLine($"{@case.Name}: {results[^1].FirstFault ?? "passed"}");
        }

        var report = new StressReport(
            options.Text("--form", "build output"), UncuredTorchSharp.KeepsArguments(), minutes, DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Machine.Description, results);
        report.Write(folder);
        Console.WriteLine(report.Table());
        Console.WriteLine($"Results: {folder}");
        return report.Passed ? 0 : 1;
    }

    /// <summary>Runs one case in this process and prints its result.</summary>
    /// <returns>The exit code.</returns>
    public static int RunCase(IReadOnlyList<string> arguments)
    {
        var folder = Directory.CreateTempSubdirectory("mappingnets-stress-");
        try
        {
            var @case = StressCase.All.Single(one => one.Name == arguments[0]);
            var result = StressRun.Measure(@case, TimeSpan.FromSeconds(double.Parse(arguments[1], CultureInfo.InvariantCulture)), folder.FullName);
            Console.WriteLine(JsonSerializer.Serialize(result, Machine.Json));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static CaseResult InProcess(string name, TimeSpan time)
    {
        var (exitCode, output, complaints) = OwnProcess.Run(CaseVerb, name, time.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        return exitCode == 0
            ? JsonSerializer.Deserialize<CaseResult>(output, Machine.Json)!
            : new CaseResult(name, 1, 0, 0, 1, 0, $"the process died with {exitCode}: {OwnProcess.FirstLine(complaints)}");
    }
}
