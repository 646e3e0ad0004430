using System.Diagnostics;
using System.Net;
using MappingNets.Examples.Cluster;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>A silo of this process, and measured runs whose workers are its clients.</summary>
internal sealed class ClusterRuns : IAsyncDisposable
{
    /// <summary>The cluster's name, which silo and clients must share.</summary>
    public const string Name = "figures";

    private readonly IHost silo;
    private readonly IPEndPoint gateway;
    private int runs;

    private ClusterRuns(IHost silo, IPEndPoint gateway) => (this.silo, this.gateway) = (silo, gateway);

    /// <summary>The silo's services.</summary>
    public IServiceProvider Services => silo.Services;

    public static async Task<ClusterRuns> Start(IPAddress address)
    {
        var (port, gateway) = (RedisServer.FreePort(), new IPEndPoint(address, RedisServer.FreePort()));
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseLocalhostClustering(port, gateway.Port, new IPEndPoint(address, port))
            .ConfigureEndpoints(address, port, gateway.Port)
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (Name, Name))
            .AddMappingNetsTraining()
            .Configure<SiloMessagingOptions>(options => options.ResponseTimeout = MeasuredWorker.Long));
        var host = builder.Build();
        await host.StartAsync();
        return new(host, gateway);
    }

    /// <summary>Trains by workers in this process, each through a relay of its own.</summary>
    public async Task<StepFigures> Train(MeasuredRun what, TimeSpan delay = default, double? bytesPerSecond = null)
    {
        var run = Next();
        return StepFigures.Mean(await Task.WhenAll(Enumerable.Range(0, what.Workers).Select(async _ =>
        {
            using var relay = new Relay(gateway.Port, delay, bytesPerSecond);
            return await MeasuredWorker.Train(new(IPAddress.Loopback, relay.Port), run, what, () => (relay.Up, relay.Down));
        })));
    }

    /// <summary>Trains by workers that are processes in network namespaces, each on a line of its own.</summary>
    public async Task<StepFigures> Train(MeasuredRun what, VirtualNetwork network, double bitsPerSecond)
    {
        var run = Next();
        var places = Enumerable.Range(0, what.Workers).Select(_ => network.Add(bitsPerSecond)).ToArray();
        try
        {
            return StepFigures.Mean(await Task.WhenAll(places.Select(async place =>
            {
                using var process = Process.Start(new ProcessStartInfo(
                    "ip", [.. place.Enter, "dotnet", typeof(ClusterRuns).Assembly.Location, "worker", gateway.ToString(), run, .. what.ToArguments()])
                {
                    RedirectStandardOutput = true,
                })!;
                var output = await process.StandardOutput.ReadToEndAsync();
                await process.WaitForExitAsync();
                return process.ExitCode == 0
                    ? MeasuredWorker.Parse(output)
                    : throw new InvalidOperationException($"A worker ended with {process.ExitCode}: {output}");
            })));
        }
        finally
        {
            foreach (var place in places)
                network.Remove(place);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await silo.StopAsync();
        silo.Dispose();
    }

    private string Next() => $"figures {++runs}";
}
