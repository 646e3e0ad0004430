using System.Diagnostics;
using System.Globalization;
using System.Net.NetworkInformation;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>A network namespace for one process, as if on a machine of its own.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Its address.</param>
/// <param name="Line">The end of its line that lies outside it.</param>
internal sealed record VirtualMachine(string Name, string Address, string Line)
{
    /// <summary>The arguments of "ip" before those of a program that is to run in it.</summary>
    public IReadOnlyList<string> Enter => ["netns", "exec", Name];
}

/// <summary>Network namespaces of this machine around a bridge, each on a line that can be slow and can be cut. Linux, for root, with iproute2.</summary>
internal sealed class VirtualNetwork : IDisposable
{
    /// <summary>The network card in each namespace.</summary>
    public const string Card = "eth0";

    /// <summary>This machine's own address on the bridge.</summary>
    public const string Host = "10.213.0.1";

    private const int Last = 254;
    private readonly string prefix = string.Create(CultureInfo.InvariantCulture, $"mn{Environment.ProcessId % 100_000}");
    private readonly List<VirtualMachine> machines = [];
    private int added;

    private VirtualNetwork()
    {
        // Without a hardware address of its own a bridge takes the lowest of its lines', so that a new line could change it, and everybody would
        // lose this machine until they ask for its address again.
        Ip("link", "add", Bridge, "address", "02:00:00:00:00:01", "type", "bridge");
        try
        {
            Ip("addr", "add", $"{Host}/24", "dev", Bridge);
            Ip("link", "set", Bridge, "up");
            // Namespaces and slow lines need more rights than a bridge.
            Remove(Add(bitsPerSecond: 1e6));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private string Bridge => $"{prefix}b";

    /// <summary>A network, or the reason why there can be none here.</summary>
    public static (VirtualNetwork? Network, string? Refusal) TryCreate()
    {
        if (NetworkInterface.GetAllNetworkInterfaces().Any(card => card.GetIPProperties().UnicastAddresses.Any(own => own.Address.ToString() == Host)))
            return (null, $"{Host} is an address of this machine already, perhaps that of another such network");
        try
        {
            return (new(), null);
        }
        catch (Exception fault) when (fault is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return (null, fault.Message);
        }
    }

    /// <summary>Adds a namespace.</summary>
    /// <param name="bitsPerSecond">How much its line carries in each direction; null for as much as the machine can.</param>
    public VirtualMachine Add(double? bitsPerSecond = null)
    {
        var number = 1 + (++added % (Last - 1));
        var machine = new VirtualMachine(
            $"{prefix}n{added}", string.Create(CultureInfo.InvariantCulture, $"10.213.0.{number + 1}"), $"{prefix}v{added}");
        Ip("netns", "add", machine.Name);
        machines.Add(machine);
        Ip("link", "add", machine.Line, "type", "veth", "peer", "name", Card, "netns", machine.Name);
        Ip("link", "set", machine.Line, "master", Bridge, "up");
        Ip("-n", machine.Name, "addr", "add", $"{machine.Address}/24", "dev", Card);
        Ip("-n", machine.Name, "link", "set", Card, "up");
        Ip("-n", machine.Name, "link", "set", "lo", "up");
        if (bitsPerSecond is { } rate)
        {
            string[] bucket = ["root", "tbf", "rate", string.Create(CultureInfo.InvariantCulture, $"{rate:F0}bit"), "burst", "32kb", "latency", "200ms"];
            Run("tc", ["qdisc", "add", "dev", machine.Line, .. bucket]);
            Run("tc", ["-n", machine.Name, "qdisc", "add", "dev", Card, .. bucket]);
        }

        return machine;
    }

    /// <summary>Cuts a line: what is on it is lost, and nobody is told.</summary>
    public static void Cut(VirtualMachine machine) => Ip("link", "set", machine.Line, "down");

    /// <summary>Mends a line.</summary>
    public static void Mend(VirtualMachine machine) => Ip("link", "set", machine.Line, "up");

    /// <summary>Removes a namespace whose processes have ended.</summary>
    public void Remove(VirtualMachine machine)
    {
        if (!machines.Remove(machine))
            return;
        Ip("link", "del", machine.Line);
        Ip("netns", "del", machine.Name);
    }

    public void Dispose()
    {
        foreach (var machine in machines.ToArray())
            Remove(machine);
        Ip("link", "del", Bridge);
    }

    private static void Ip(params string[] arguments) => Run("ip", arguments);

    private static void Run(string program, IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error.Trim()}");
    }
}
