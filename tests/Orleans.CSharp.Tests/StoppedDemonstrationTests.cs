using System.Diagnostics;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The demonstration of a cluster, which starts Redis and workers, told to end in its midst as a service manager does it.</summary>
public sealed class StoppedDemonstrationTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    [RedisFact]
    public async Task NothingThatItStartedOutlivesIt()
    {
        // Far more steps than there is time for.
        using var demonstration = Started("--synthetic", "--samples", "1290", "--epochs", "1000");
        try
        {
            string? line;
            do
                line = await demonstration.StandardOutput.ReadLineAsync().WaitAsync(Longest);
            while (line?.Contains(": step ", StringComparison.Ordinal) == false);
            Assert.NotNull(line);

            var children = ChildrenOf(demonstration.Id);
            ChildProcess.Run("kill", ["-TERM", $"{demonstration.Id}"]);
            await demonstration.WaitForExitAsync().WaitAsync(Longest);

            Assert.Equal(130, demonstration.ExitCode);
            // Redis and three workers.
            Assert.Equal(4, children.Length);
            Assert.DoesNotContain(children, IsAlive);
        }
        finally
        {
            if (!demonstration.HasExited)
                demonstration.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task WhatItCannotReadIsNamedInOneLine()
    {
        using var demonstration = Started("--epochs", "x");
        var said = await demonstration.StandardError.ReadToEndAsync().WaitAsync(Longest);
        await demonstration.WaitForExitAsync();

        Assert.Equal(1, demonstration.ExitCode);
        Assert.Equal("--epochs takes a whole number of at least 1; 'x' is none.", said.Trim());
    }

    [Fact]
    public void AWorkerReadsTheSettingsThatItIsGiven()
    {
        var usual = new Settings { IsWorker = true };
        Assert.Equal(usual, Settings.Parse(WorkerProcess.ArgumentsOf(usual)));
        var other = new Settings
        {
            IsWorker = true,
            Run = "r",
            Redis = "store:6379",
            Address = "10.0.0.7",
            Port = 12_345,
            Epochs = 3,
            Samples = 390,
            IsSynthetic = true,
            Certificate = "own.pem",
            Authority = "authority.pem",
        };
        Assert.Equal(other, Settings.Parse(WorkerProcess.ArgumentsOf(other)));
    }

    private static Process Started(params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [typeof(RedisServer).Assembly.Location, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static int[] ChildrenOf(int parent) =>
    [
        .. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _))
            .Select(name => int.Parse(name!)).Where(process => ParentOf(process) == parent),
    ];

    private static bool IsAlive(int process) => ParentOf(process) is not null;

    // The fields after the name, which stands in brackets and may hold anything: the state, and the parent. A zombie has ended.
    private static int? ParentOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] == "Z" ? null : int.Parse(fields[1]);
        }
        // It has ended, or is another user's, whose processes a system may hide.
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
