using System.Diagnostics;

namespace MappingNets.Experiments.Bench;

/// <summary>This program run again, for what one process can measure once only.</summary>
internal static class ChildProcess
{
    /// <summary>The words that a child prints.</summary>
    /// <param name="arguments">Its command line.</param>
    /// <param name="words">How many words are expected.</param>
    /// <param name="program">The assembly to run in this one's place; null for this one.</param>
    /// <exception cref="InvalidOperationException">It failed, or printed something else.</exception>
    public static string[] Words(IReadOnlyList<string> arguments, int words, string? program = null)
    {
        // Not this executable, which would look for its assemblies in its own folder.
        var start = new ProcessStartInfo(program is null ? Environment.ProcessPath! : "dotnet") { RedirectStandardOutput = true };
        if (program is not null || Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(program ?? typeof(ChildProcess).Assembly.Location);
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
