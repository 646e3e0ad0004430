using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MappingNets.Examples.Serve;

namespace MappingNets.Experiments.ServeLoad;

/// <summary>examples/Serve as a process of its own, as its users start it.</summary>
internal sealed class ServiceProcess : IDisposable
{
    private readonly Process process;

    private ServiceProcess(Process process, Uri address) => (this.process, Address) = (process, address);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Starts it and returns when it is healthy, with every adapter of the folder loaded.</summary>
    /// <param name="folder">The folder of the base and the adapters.</param>
    /// <param name="kept">How many adapters' weights it keeps.</param>
    /// <param name="threads">libtorch's threads.</param>
    /// <param name="stop">Ends it before it is healthy.</param>
    /// <exception cref="InvalidOperationException">It ended.</exception>
    public static async Task<ServiceProcess> Start(string folder, int kept, int threads, CancellationToken stop)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        string[] arguments =
        [
            typeof(Service).Assembly.Location, "--folder", folder, "--urls", address.ToString(), "--kept", kept.ToString(CultureInfo.InvariantCulture),
        ];
        var start = new ProcessStartInfo("dotnet", arguments);
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        // Without it libtorch writes a line for each batch on processors that NNPACK does not know.
        start.Environment["TORCH_CPP_LOG_LEVEL"] = "ERROR";
        var service = new ServiceProcess(Process.Start(start)!, address);
        try
        {
            await service.Healthy(stop);
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    /// <summary>The memory that it holds now, in megabytes of a million bytes.</summary>
    public double Megabytes()
    {
        process.Refresh();
        return process.WorkingSet64 / 1e6;
    }

    private async Task Healthy(CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = Address };
        while (true)
        {
            if (process.HasExited)
                throw new InvalidOperationException($"The service ended with {process.ExitCode} before it answered.");
            try
            {
                using var answer = await client.GetAsync("/health", stop);
                answer.EnsureSuccessStatusCode();
                return;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(100, stop);
            }
        }
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
