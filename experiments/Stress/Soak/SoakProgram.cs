using System.Globalization;
using System.Text.Json;
using TorchSharp;

namespace MappingNets.Experiments.Stress;

/// <summary>The verb "soak": every kind in a process of its own, all side by side, each with one thread of libtorch.</summary>
internal static class SoakProgram
{
    /// <summary>The verb of a kind's own process.</summary>
    public const string KindVerb = "soak-kind";

    /// <summary>Runs all kinds and serving, and writes the report.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        var options = new Options(arguments, "--minutes", "--out", "--only");
        var (minutes, folder) = (options.Minutes(60), options.Folder(Path.Combine("artifacts", "soak")));
        string[] all = [.. ModelKind.All.Select(kind => kind.Name), ServingSoak.Name];
        var only = options.Text("--only", "");
        string[] names = only == "" ? all : only.Split(',');
        if (names.Except(all).FirstOrDefault() is { } unknown)
            throw new UsageException($"There is no kind '{unknown}'; there are {string.Join(", ", all)}.");
        var report = new SoakReport(
            options.Command("soak"),
            minutes,
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Machine.Description,
            [.. names.Select(name => Task.Factory.StartNew(() => InProcess(name, minutes), TaskCreationOptions.LongRunning)).ToArray().Select(task => task.Result)]);
        report.Write(folder);
        Console.WriteLine(report.Table());
        Console.WriteLine($"Results: {folder}");
        return report.Passed ? 0 : 1;
    }

    /// <summary>Runs one kind in this process and prints its result.</summary>
    /// <returns>The exit code.</returns>
    public static int RunKind(IReadOnlyList<string> arguments)
    {
        torch.set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("mappingnets-soak-");
        try
        {
            var time = TimeSpan.FromMinutes(double.Parse(arguments[1], CultureInfo.InvariantCulture));
            var result = arguments[0] == ServingSoak.Name
                ? new ServingSoak(folder.FullName).Run(time)
                : new TrainingSoak(ModelKind.Of(arguments[0]), folder.FullName).Run(time);
            Console.WriteLine(JsonSerializer.Serialize(result, Machine.Json));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static SoakResult InProcess(string name, double minutes)
    {
        var (exitCode, output, complaints) = OwnProcess.Run(KindVerb, name, minutes.ToString(CultureInfo.InvariantCulture));
        var result = exitCode == 0
            ? JsonSerializer.Deserialize<SoakResult>(output, Machine.Json)!
            : new SoakResult(name, 0, 0, 0, 0, 0, 0, $"the process died with {exitCode}: {OwnProcess.FirstLine(complaints)}", []);
        Console.Error.WriteLine($"{name}: {(result.Passed ? "passed" : result.FirstFault ?? "failed")}");
        return result;
    }
}
