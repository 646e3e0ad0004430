using System.Diagnostics;

namespace MappingNets.Tests;

/// <summary>experiments/Reproduce, run as a program.</summary>
internal static class ReproduceProgram
{
    private static readonly string Program = Path.Combine(
        RepositoryRoot.Path, "experiments", "Reproduce", "bin", Path.GetFileName(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)))!, "net10.0", "Reproduce.dll");

    /// <summary>What a command prints that succeeds.</summary>
    public static string Succeeds(params string[] arguments) => ChildProcess.Run("dotnet", [Program, .. arguments]);

    /// <summary>The same, of a command that is run in a folder.</summary>
    public static string SucceedsIn(string folder, params string[] arguments) => ChildProcess.Run("dotnet", [Program, .. arguments], folder);

    /// <summary>What a command complains of that fails, without the place in the program.</summary>
    public static string Fails(params string[] arguments)
    {
        using var process = Start(arguments);
        var complaint = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Xunit.Assert.NotEqual(0, process.ExitCode);
        Xunit.Assert.DoesNotContain("   at ", complaint);
        return complaint;
    }

    /// <summary>A command that runs.</summary>
    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
