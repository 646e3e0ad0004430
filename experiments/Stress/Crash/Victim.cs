using System.Diagnostics;

namespace MappingNets.Experiments.Stress;

/// <summary>A process of this program that says when it has begun its work, to be ended in the midst of it.</summary>
internal sealed class Victim : IDisposable
{
    private const string Beginning = "begins";

    private readonly Process process;
    private readonly Task<string> complaints;

    /// <summary>Starts it and waits for its beginning.</summary>
    /// <exception cref="InvalidOperationException">It ended before.</exception>
    public Victim(params IEnumerable<string> arguments)
    {
        process = OwnProcess.Start(arguments);
        complaints = process.StandardError.ReadToEndAsync();
        var line = process.StandardOutput.ReadLine();
        if (line?.StartsWith(Beginning, StringComparison.Ordinal) != true)
            throw new InvalidOperationException($"It did not begin: {OwnProcess.FirstLine(complaints.Result)}");
        Words = line.Split(' ')[1..];
    }

    /// <summary>What it said at its beginning.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Says that the work begins.</summary>
    public static void Begin(params IEnumerable<string> words) => Console.WriteLine(string.Join(' ', words.Prepend(Beginning)));

    /// <summary>Ends the process after a time, if it is still there.</summary>
    /// <returns>Whether it was; if not, what it printed and its exit code.</returns>
    public (bool IsKilled, int ExitCode, string Output) KillAfter(TimeSpan time)
    {
        if (!process.WaitForExit(time))
        {
            process.Kill();
            process.WaitForExit();
            // It may have come to its end just before.
            if (process.ExitCode != 0)
                return (true, process.ExitCode, "");
        }

        var output = process.StandardOutput.ReadToEnd().Trim();
        return (false, process.ExitCode, process.ExitCode == 0 ? output : OwnProcess.FirstLine(complaints.Result));
    }

    /// <summary>Ends the process where it still runs.</summary>
    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }

        process.Dispose();
    }
}
