using MappingNets.Examples.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>What a run by several workers came to.</summary>
/// <param name="Sent">Bytes on the wire that a worker sent in a step, the mean over workers and steps.</param>
/// <param name="Received">Bytes on the wire that it received.</param>
/// <param name="Milliseconds">The median step.</param>
internal sealed record ClusterRun(double Sent, double Received, double Milliseconds);

/// <summary>A silo of this process, and runs whose workers are its clients, each through a relay of its own.</summary>
internal sealed class ClusterRuns : IAsyncDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(30);
    private readonly IHost silo;
    private readonly int port;
    private int runs;

    private ClusterRuns(IHost silo, int port) => (this.silo, this.port) = (silo, port);

    public static async Task<ClusterRuns> Start()
    {
        var port = RedisServer.FreePort();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseLocalhostClustering(RedisServer.FreePort(), port).AddMappingNetsTraining()
            .Configure<SiloMessagingOptions>(options => options.ResponseTimeout = Long));
        var host = builder.Build();
        await host.StartAsync();
        return new(host, port);
    }

    /// <summary>Trains by so many workers, each with a model and a copy of the data.</summary>
    public async Task<ClusterRun> Train(
        Func<Model> build, Func<Dataset> data, TrainingOptions options, int workers, TimeSpan delay = default, double? bytesPerSecond = null)
    {
        var run = $"figures {++runs}";
        var results = await Task.WhenAll(Enumerable.Range(0, workers).Select(async _ =>
        {
            using var relay = new Relay(port, delay, bytesPerSecond);
            using var client = await Client(relay.Port);
            using var model = build();
            using var training = data();
            var (up, down) = (0L, 0L);
            // From after the first step, so that joining and connecting are not counted.
            var counted = options with
            {
                OnStep = progress =>
                {
                    if (progress is { Epoch: 1, Step: 1 })
                        (up, down) = (relay.Up, relay.Down);
                    return TrainingSignal.Continue;
                },
            };
            var trainer = new ClusterTrainer(
                client.Services.GetRequiredService<IClusterClient>(), run, model, counted,
                new ClusterTrainingOptions { Workers = workers, Deadline = TimeSpan.FromMinutes(10), Patience = Long });
            var report = await trainer.FitAsync(training);
            var steps = Math.Max(1, report.Steps - 1);
            var result = new ClusterRun((double)(relay.Up - up) / steps, (double)(relay.Down - down) / steps, report.MedianStepMilliseconds);
            await client.StopAsync();
            return result;
        }));
        return new(results.Average(result => result.Sent), results.Average(result => result.Received), results.Average(result => result.Milliseconds));
    }

    public async ValueTask DisposeAsync()
    {
        await silo.StopAsync();
        silo.Dispose();
    }

    private static async Task<IHost> Client(int port)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(port)
            .Configure<ClientMessagingOptions>(options => (options.ResponseTimeout, options.MaxMessageBodySize) = (Long, 1 << 30)));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
