using System.Diagnostics;

namespace MappingNets.Experiments.Stress;

/// <summary>This program again, in a process of its own: libtorch may end a process at once, which no handler sees.</summary>
internal static class OwnProcess
{
    private const string Name = "Stress";

    /// <summary>Starts this program with other arguments and one thread of libtorch, its output redirected.</summary>
    public static Process Start(params IEnumerable<string> arguments)
    {
        // Started by dotnet or, in tests, by another program.
        var isOwn = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == Name;
        var start = new ProcessStartInfo(isOwn ? Environment.ProcessPath! : "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        if (!isOwn)
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, Name + ".dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Runs this program to its end.</summary>
    /// <returns>Its exit code and what it wrote to the two streams.</returns>
    public static (int ExitCode, string Output, string Complaints) Run(params IEnumerable<string> arguments)
    {
        using var process = Start(arguments);
        var complaints = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, complaints.Result);
    }

    /// <summary>The first line of what a process complained of.</summary>
    public static string FirstLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "it said nothing";
}
