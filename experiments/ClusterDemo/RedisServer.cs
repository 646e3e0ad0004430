using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace MappingNets.Experiments.ClusterDemo;

/// <summary>Debian's redis-server on a free port of this machine, with a password and nothing on the disk; it ends with this object.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    // Each with the lock on its file, which the system takes back when this process ends, however it does.
    private static readonly Dictionary<int, FileStream> Given = [];

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
    /// A port of this machine at which nobody listens, below those that systems give to outgoing connections. It is given once as long as this
    /// process lives, to this one or another: nobody need listen at it yet when the next is asked for.
    /// </summary>
    /// <param name="above">The port so much above it is free, and given, too.</param>
    /// <param name="random">Where ports are drawn from; the shared source where null.</param>
    public static int FreePort(int above = 0, Random? random = null)
    {
        lock (Given)
        {
            for (; ; )
            {
                var port = (random ?? Random.Shared).Next(10_000, 31_000);
                var both = new HashSet<int> { port, port + above };
                if (both.All(one => !Given.ContainsKey(one) && IsFree(one)) && both.All(Hold))
                    return port;
            }
        }
    }

    /// <summary>The file that a process has locked while a port is its own.</summary>
    /// <param name="port">The port.</param>
    public static string LockOf(int port) =>
        Path.Combine(Path.GetTempPath(), $"mappingnets-ports-{Environment.UserName}", port.ToString(CultureInfo.InvariantCulture));

    public ConfigurationOptions Options() => new() { EndPoints = { Address }, Password = Password };

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static bool Hold(int port)
    {
        // Not within the try: where the folder cannot be made, no other port would do.
        Directory.CreateDirectory(Path.GetDirectoryName(LockOf(port))!);
        try
        {
            // It stays when it is let go: a file that was deleted could be locked by one process, and a new one of its name by another.
            Given.Add(port, new(LockOf(port), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            return true;
        }
        catch (IOException)
        {
            return false;
        }
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
