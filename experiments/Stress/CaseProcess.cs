using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MappingNets.Experiments.Stress;

/// <summary>A case in a process of its own: libtorch may end it at once, which no handler sees.</summary>
internal static class CaseProcess
{
    private const string Option = "--case";

    /// <summary>Runs this program again for one case.</summary>
    public static CaseResult Run(string name, TimeSpan time)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Stress.dll"));
        foreach (var argument in new[] { Option, name, time.TotalSeconds.ToString(CultureInfo.InvariantCulture) })
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var complaints = process.StandardError.ReadToEndAsync();
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<CaseResult>(printed, StressReport.Json)!
            : new CaseResult(name, 1, 0, 0, 1, 0, $"the process died with {process.ExitCode}: {FirstLine(complaints.Result)}");
    }

    /// <summary>Runs the case that the arguments name, where they are those of a child, and prints its result.</summary>
    /// <returns>Whether they were.</returns>
    public static bool RunAsChild(string[] arguments)
    {
        if (arguments is not [Option, var name, var seconds])
            return false;
        var folder = Directory.CreateTempSubdirectory("mappingnets-stress-");
        try
        {
            var @case = StressCase.All.Single(one => one.Name == name);
            var result = StressRun.Measure(@case, TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)), folder.FullName);
            Console.WriteLine(JsonSerializer.Serialize(result, StressReport.Json));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return true;
    }

    private static string FirstLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "it said nothing";
}
