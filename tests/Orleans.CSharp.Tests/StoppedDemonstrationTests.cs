using System.Diagnostics;
using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The demonstration of a cluster, which starts Redis and workers, told to end in its midst as a service manager does it.</summary>
public sealed class StoppedDemonstrationTests
{
    [RedisFact]
    public async Task NothingThatItStartedOutlivesIt()
    {
        // Far more steps than there is time for.
        using var demonstration = Started("--synthetic", "--samples", "1290", "--epochs", "1000");
        while (await demonstration.StandardOutput.ReadLineAsync() is { } line && !line.Contains(": step ", StringComparison.Ordinal))
        {
        }

        var children = ChildrenOf(demonstration.Id);
        ChildProcess.Run("kill", ["-TERM", $"{demonstration.Id}"]);
        await demonstration.WaitForExitAsync();

        Assert.Equal(130, demonstration.ExitCode);
        // Redis and three workers.
        Assert.Equal(4, children.Length);
        Assert.DoesNotContain(children, IsAlive);
    }

    [RedisFact]
    public async Task WhatItCannotReadIsNamedInOneLine()
    {
        using var demonstration = Started("--epochs", "x");
        var said = await demonstration.StandardError.ReadToEndAsync();
        await demonstration.WaitForExitAsync();

        Assert.Equal(1, demonstration.ExitCode);
        Assert.Equal("--epochs takes a whole number of at least 1; 'x' is none.", said.Trim());
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
        catch (IOException)
        {
            return null;
        }
    }
}
