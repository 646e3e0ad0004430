using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace MappingNets.Experiments.ClusterDemo;

/// <summary>Debian's redis-server on a free port of this machine, with a password and nothing on the disk; it ends with this object.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly HashSet<int> Given = [];

    private readonly Process process;

    private RedisServer(Process process, string host, int port, string password) =>
        (this.process, Address, Password) = (process, $"{host}:{port}", password);

    /// <summary>Where the Debian package has the program.</summary>
    public static string Program => "/usr/bin/redis-server";

    /// <summary>Host and port.</summary>
    public string Address { get; }

    public string Password { get; }

    /// <summary>Starts it, and waits until it answers.</summary>
    /// <param name="host">The address of this machine at which it listens.</param>
    public static async Task<RedisServer> Start(string host = "127.0.0.1")
    {
        var (port, password) = (FreePort(), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        // The password goes in by standard input: arguments can be read by every user of the machine.
        var start = new ProcessStartInfo(Program, ["-"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync($"port {port}\nbind {host}\nsave \"\"\nappendonly no\nrequirepass {password}\n");
        process.StandardInput.Close();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            if (line.Contains("Ready to accept connections", StringComparison.Ordinal))
            {
                // It goes on talking to nobody.
                _ = process.StandardOutput.ReadToEndAsync();
                return new(process, host, port, password);
            }

        using (process)
        {
            await process.WaitForExitAsync();
            throw new InvalidOperationException($"{Program} ended with {process.ExitCode}.");
        }
    }

    /// <summary>
    /// A port of this machine at which nobody listens, below those that systems give to outgoing connections. This process is given each once:
    /// nobody need listen at one yet when it asks for the next.
    /// </summary>
    /// <param name="above">The port so much above it is free, and given, too.</param>
    public static int FreePort(int above = 0)
    {
        lock (Given)
        {
            for (; ; )
            {
                var port = Random.Shared.Next(10_000, 31_000);
                if (Given.Contains(port) || Given.Contains(port + above) || !IsFree(port) || !IsFree(port + above))
                    continue;
                Given.UnionWith([port, port + above]);
                return port;
            }
        }
    }

    public ConfigurationOptions Options() => new() { EndPoints = { Address }, Password = Password };

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
