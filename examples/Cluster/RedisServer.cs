using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace MappingNets.Examples.Cluster;

/// <summary>Debian's redis-server on a free port of this machine, with a password and nothing on the disk; it ends with this object.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly Process process;

    private RedisServer(Process process, int port, string password) => (this.process, Port, Password) = (process, port, password);

    /// <summary>Where the Debian package has the program.</summary>
    public static string Program => "/usr/bin/redis-server";

    public int Port { get; }

    public string Password { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Starts it, and waits until it answers.</summary>
    public static async Task<RedisServer> Start()
    {
        var (port, password) = (FreePort(), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        // The password goes in by standard input: arguments can be read by every user of the machine.
        var start = new ProcessStartInfo(Program, ["-"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync($"port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\nrequirepass {password}\n");
        process.StandardInput.Close();
        // It says that it is ready, and goes on talking to nobody.
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("Ready to accept connections", StringComparison.Ordinal))
        {
        }

        _ = process.StandardOutput.ReadToEndAsync();
        return process.HasExited
            ? throw new InvalidOperationException($"{Program} ended with {process.ExitCode}.")
            : new(process, port, password);
    }

    /// <summary>A port of this machine that nobody listens at.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public ConfigurationOptions Options() => new() { EndPoints = { Address }, Password = Password };

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
