using System.Diagnostics;

namespace MappingNets.Experiments.Bench;

/// <summary>This program run again, for what one process can measure once only.</summary>
internal static class ChildProcess
{
    /// <summary>The words that a child prints.</summary>
    /// <param name="arguments">Its command line.</param>
    /// <param name="words">How many words are expected.</param>
    /// <exception cref="InvalidOperationException">It failed, or printed something else.</exception>
    public static string[] Words(IReadOnlyList<string> arguments, int words)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var child = Process.Start(start)!;
        var printed = child.StandardOutput.ReadToEnd().Trim().Split(' ');
        child.WaitForExit();
        return child.ExitCode == 0 && printed.Length == words
            ? printed
            : throw new InvalidOperationException($"The child '{string.Join(' ', arguments)}' failed.");
    }
}
