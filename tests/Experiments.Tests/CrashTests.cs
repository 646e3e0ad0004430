using System.Text.Json.Nodes;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The short form of "./build.sh crash": a few processes ended in the midst of their work, and a folder that vanishes.</summary>
public sealed class CrashTests
{
    private static readonly string Program = Path.Combine(
        RepositoryRoot.Path, "experiments", "Stress", "bin",
        Path.GetFileName(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)))!, "net10.0", "Stress.dll");

    [Fact]
    public void Nothing_is_lost_where_a_process_is_ended_or_a_folder_vanishes()
    {
        using var folder = new TemporaryFolder();
        string[] scenarios = ["serving", "training batch-norm", "saving folder lora", "saving file direct", "vanished folder"];

        ChildProcess.Run("dotnet", [Program, "crash", "--kills", "6", "--only", string.Join(',', scenarios), "--out", folder.Path]);

        var report = JsonNode.Parse(File.ReadAllText(folder.File("report.json")))!["scenarios"]!.AsArray();
        Assert.Equal(scenarios, report.Select(one => one!["scenario"]!.GetValue<string>()));
        Assert.Equal(6, report.Sum(one => one!["kills"]!.GetValue<int>()));
        Assert.All(report, one => Assert.InRange(one!["checks"]!.GetValue<int>(), 2, int.MaxValue));
        Assert.All(report, one => Assert.Equal(0, one!["faults"]!.GetValue<int>()));
    }
}
