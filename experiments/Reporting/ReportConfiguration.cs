using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using TorchSharp;

namespace MappingNets.Experiments.Reporting;

/// <summary>The options behind a report, with the defaults put in.</summary>
/// <param name="Command">The command that makes it again.</param>
/// <param name="Dataset">The data set.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Epochs">The epochs that were asked for; null where each row has its own number.</param>
/// <param name="Methods">The rows that were asked for; all where empty.</param>
/// <param name="Quick">Whether it was a quick look with few images and epochs.</param>
public sealed record ReportConfiguration(
    string Command, string Dataset, IReadOnlyList<ulong> Seeds, int? Epochs, IReadOnlyList<string> Methods, bool Quick)
{
    /// <summary>The training set's size; null where it differs from row to row.</summary>
    public int? TrainingImages { get; init; }
}

/// <summary>With what a report was made.</summary>
/// <param name="Commit">The git commit, with "-dirty" behind it where files had changed; null outside a checkout.</param>
/// <param name="Library">The library's version.</param>
/// <param name="Threads">The threads of libtorch.</param>
public sealed record ReportOrigin(string? Commit, string Library, int Threads)
{
    /// <summary>The origin of what this process does now.</summary>
    public static ReportOrigin Here() => new(FindCommit(), FindVersion(), torch.get_num_threads());

    private static string FindVersion()
    {
        var assembly = typeof(Model).Assembly;
        var text = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? assembly.GetName().Version?.ToString() ?? "unknown";
        return text.Split('+')[0];
    }

    // Results are no reason to call a checkout changed; sources are.
    private static string? FindCommit() => Git("rev-parse HEAD") is { Length: > 0 } commit
        ? commit + (Git("status --porcelain --untracked-files=normal -- :/src :/experiments :/examples :/build :/Directory.Build.props :/Directory.Build.targets :/Directory.Solution.targets :/paket.lock :(top,exclude)experiments/results") is { Length: > 0 } ? "-dirty" : "")
        : null;

    private static string? Git(string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("git", arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
                WorkingDirectory = Environment.CurrentDirectory,
            })!;
            // Drained, so that a long complaint cannot block it.
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            var output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
