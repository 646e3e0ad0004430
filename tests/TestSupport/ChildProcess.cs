using System.Diagnostics;
using System.Text;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Another program, run to its end.</summary>
public static class ChildProcess
{
    /// <summary>What it prints; a program that fails fails the test with what it complained of.</summary>
    public static string Run(string program, IEnumerable<string> arguments, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder ?? "",
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var complaints = new StringBuilder();
        using var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => complaints.AppendLine(line.Data);
        process.BeginErrorReadLine();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {complaints}{output}");
        return output;
    }
}
