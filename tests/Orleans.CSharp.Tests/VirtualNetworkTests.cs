using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MappingNets.Experiments.ClusterFigures;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The lines on which a cluster is measured and cut: they carry, they lose, and nothing of them stays.</summary>
public sealed class VirtualNetworkTests
{
    [NamespacesFact]
    public void ACutLineLosesWhatAWholeOneCarriesAndNothingStaysBehind()
    {
        string[] left;
        var network = VirtualNetwork.TryCreate().Network!;
        using (network)
        {
            using var listener = new TcpListener(IPAddress.Parse(VirtualNetwork.Host), 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            var (one, other) = (network.Add(), network.Add(bitsPerSecond: 1e6));
            left = [one.Name, other.Name, one.Line, other.Line];
            Assert.NotEqual(one.Address, other.Address);
            RequireReach(one, port);
            RequireReach(other, port);

            VirtualNetwork.Cut(one);
            Assert.False(Reaches(one, port));
            RequireReach(other, port);

            VirtualNetwork.Mend(one);
            RequireReach(one, port);

            network.Remove(other);
            Assert.DoesNotContain(other.Name, ChildProcess.Run("ip", ["netns", "list"]));
        }

        var there = ChildProcess.Run("ip", ["netns", "list"]) + ChildProcess.Run("ip", ["link"]);
        Assert.All(left, name => Assert.DoesNotContain(name, there));
    }

    // A line and the bridge may take a moment to carry.
    private static void RequireReach(VirtualMachine machine, int port)
    {
        var tries = 0;
        while (!Reaches(machine, port))
            Assert.InRange(++tries, 1, 10);
    }

    // A connection within two seconds, from inside the namespace.
    private static bool Reaches(VirtualMachine machine, int port)
    {
        using var process = Process.Start(new ProcessStartInfo(
            "ip", [.. machine.Enter, "timeout", "2", "bash", "-c", $"exec 3<>/dev/tcp/{VirtualNetwork.Host}/{port}"])
        { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

/// <summary>A test that makes network namespaces, skipped where this user may make none.</summary>
public sealed class NamespacesFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Refusal = new(() =>
    {
        var (network, refusal) = VirtualNetwork.TryCreate();
        network?.Dispose();
        return refusal is null ? null : $"No network namespaces here: {refusal}";
    });

    public NamespacesFactAttribute() => Skip = Refusal.Value;
}
