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
    // There are 21,000 ports: where so many in a row are not free, it is not for those who use them.
    private const int MostTries = 10_000;

    // Each with the lock on its file, which the system takes back when this process ends, however it does.
    private static readonly Dictionary<int, FileStream> Given = [];

    private readonly Process process;

    private RedisServer(Process process, string host, int port, string password) =>
        (this.process, Address, Password) = (process, $"{host}:{port}", password);

    /// <summary>Where the Debian package has the program.</summary>
    public static string Program => "/usr/bin/redis-server";

    /// <summary>Where the locks of ports lie.</summary>
    public static string Folder => Path.Combine(Path.GetTempPath(), $"mappingnets-ports-{Environment.UserName}");

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
    /// process lives or until it is given back, to this one or another: nobody need listen at it yet when the next is asked for.
    /// </summary>
    /// <param name="above">The port so much above it is free, and given, too.</param>
    /// <param name="random">Where ports are drawn from; the shared source where null.</param>
    /// <param name="folder">Where the locks lie; <see cref="Folder"/> where null.</param>
    /// <exception cref="IOException">None was free in 10,000 tries, such as where no file can be locked.</exception>
    public static int FreePort(int above = 0, Random? random = null, string? folder = null)
    {
        folder ??= Folder;
        Directory.CreateDirectory(folder);
        Exception? last = null;
        lock (Given)
        {
            for (var tries = 0; tries < MostTries; tries++)
            {
                var port = (random ?? Random.Shared).Next(10_000, 31_000);
                var both = new HashSet<int> { port, port + above };
                if (both.Any(Given.ContainsKey))
                    continue;
                try
                {
                    foreach (var one in both)
                        Hold(one, folder);
                    return port;
                }
                catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or SocketException)
                {
                    GiveBack(both);
                    last = fault;
                }
            }
        }

        throw new IOException(
            $"No port was free in {MostTries} tries, with the locks in '{folder}'. {(last is null ? "This process has all that were drawn." : last.Message)}", last);
    }

    /// <summary>Lets others have ports that this process does not need any more.</summary>
    /// <param name="ports">The ports; those that are not this process's are passed over.</param>
    public static void GiveBack(IEnumerable<int> ports)
    {
        lock (Given)
        {
            foreach (var port in ports)
                if (Given.Remove(port, out var held))
                    held.Dispose();
        }
    }

    /// <summary>The file that a process has locked while a port is its own.</summary>
    /// <param name="port">The port.</param>
    /// <param name="folder">Where the locks lie; <see cref="Folder"/> where null.</param>
    public static string LockOf(int port, string? folder = null) => Path.Combine(folder ?? Folder, port.ToString(CultureInfo.InvariantCulture));

    public ConfigurationOptions Options() => new() { EndPoints = { Address }, Password = Password };

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    // Throws where somebody listens, or has the lock.
    private static void Hold(int port, string folder)
    {
        using (var listener = new TcpListener(IPAddress.Loopback, port))
            listener.Start();
        // It stays when it is let go: a file that was deleted could be locked by one process, and a new one of its name by another.
        Given.Add(port, new(LockOf(port, folder), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
    }
}
