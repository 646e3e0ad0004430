using System.Diagnostics;
using System.Net;
using MappingNets.Experiments.ClusterDemo;
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
    private readonly Relay relay;
    private readonly CancellationToken stop;
    private int runs;

    private ClusterRuns(IHost silo, IPEndPoint gateway, Relay relay, CancellationToken stop) =>
        (this.silo, this.gateway, this.relay, this.stop) = (silo, gateway, relay, stop);

    /// <summary>The silo's services.</summary>
    public IServiceProvider Services => silo.Services;

    /// <summary>Starts the silo, whose runs end when they are told to stop. Clients must call a gateway by the address that it gives itself; so it gives itself the relay's.</summary>
    public static async Task<ClusterRuns> Start(IPAddress address, CancellationToken stop)
    {
        var (port, gateway, behind) = (RedisServer.FreePort(), new IPEndPoint(address, RedisServer.FreePort()), new IPEndPoint(address, RedisServer.FreePort()));
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseLocalhostClustering(port, gateway.Port, new IPEndPoint(address, port))
            .ConfigureEndpoints(address, port, gateway.Port)
            .Configure<EndpointOptions>(options => options.GatewayListeningEndpoint = behind)
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (Name, Name))
            .AddMappingNetsTraining()
            .Configure<SiloMessagingOptions>(options => options.ResponseTimeout = MeasuredWorker.Long));
        var host = builder.Build();
        await host.StartAsync(stop);
        return new(host, gateway, new(gateway, behind), stop);
    }

    /// <summary>Trains by workers in this process, each with a connection of its own through the relay.</summary>
    public async Task<StepFigures> Train(MeasuredRun what, TimeSpan delay = default, double? bytesPerSecond = null)
    {
        var run = Next();
        (relay.Delay, relay.BytesPerSecond) = (delay, bytesPerSecond);
        return StepFigures.Mean(await Task.WhenAll(Enumerable.Range(0, what.Workers).Select(
            _ => MeasuredWorker.Train(gateway, run, what, () => (relay.Up / what.Workers, relay.Down / what.Workers), stop))));
    }

    /// <summary>Trains by workers that are processes in network namespaces, each on a line of its own.</summary>
    public async Task<StepFigures> Train(MeasuredRun what, VirtualNetwork network, double bitsPerSecond)
    {
        var run = Next();
        (relay.Delay, relay.BytesPerSecond) = (TimeSpan.Zero, null);
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
                // A namespace lives as long as its processes.
                using var registration = stop.Register(() => process.Kill(entireProcessTree: true));
                var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                await process.WaitForExitAsync(CancellationToken.None);
                stop.ThrowIfCancellationRequested();
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
        relay.Dispose();
    }

    private string Next() => $"figures {++runs}";
}
