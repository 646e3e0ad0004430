using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>What a step of a worker came to.</summary>
/// <param name="Sent">Bytes on the wire that it sent, the mean over the steps.</param>
/// <param name="Received">Bytes on the wire that it received.</param>
/// <param name="Milliseconds">The median step.</param>
internal sealed record StepFigures(double Sent, double Received, double Milliseconds)
{
    /// <summary>The mean over workers.</summary>
    public static StepFigures Mean(IReadOnlyCollection<StepFigures> workers) => new(
        workers.Average(worker => worker.Sent), workers.Average(worker => worker.Received), workers.Average(worker => worker.Milliseconds));
}

/// <summary>A worker of a measured run that is a client of the silo, in this process or in one of its own.</summary>
internal static class MeasuredWorker
{
    /// <summary>Longer than anything takes on a slow line.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromMinutes(30);

    /// <summary>Trains, and measures from the first step to the last, so that joining and the state kept at the end are not counted.</summary>
    /// <param name="gateway">Where the silo, or a relay before it, listens to clients.</param>
    /// <param name="run">The run's name.</param>
    /// <param name="what">The run.</param>
    /// <param name="counters">Bytes sent and received so far.</param>
    /// <param name="stop">Takes it out of the run.</param>
    public static async Task<StepFigures> Train(
        IPEndPoint gateway, string run, MeasuredRun what, Func<(long Sent, long Received)> counters, CancellationToken stop = default)
    {
        using var client = await Client(gateway);
        using var model = what.Build();
        using var training = what.Data();
        var (first, last, taken) = (counters(), counters(), 0);
        var counted = what.Options with
        {
            OnStep = progress =>
            {
                last = counters();
                if (progress.Step == 1)
                    first = last;
                else
                    taken++;
                return TrainingSignal.Continue;
            },
        };
        var trainer = new ClusterTrainer(
            client.Services.GetRequiredService<IClusterClient>(), run, model, counted,
            new ClusterTrainingOptions { Workers = what.Workers, Deadline = TimeSpan.FromMinutes(10), Patience = Long });
        var report = await trainer.FitAsync(training, cancellation: stop);
        await client.StopAsync();
        return new((double)(last.Sent - first.Sent) / taken, (double)(last.Received - first.Received) / taken, report.MedianStepMilliseconds);
    }

    /// <summary>The same as a process in a network namespace: counts by its only interface, and prints a line.</summary>
    /// <param name="arguments">Gateway, run's name, and the run's arguments.</param>
    public static async Task<int> Run(string[] arguments)
    {
        var wire = NetworkInterface.GetAllNetworkInterfaces().Single(card => card.Name == VirtualNetwork.Card);
        var figures = await Train(IPEndPoint.Parse(arguments[0]), arguments[1], MeasuredRun.Parse(arguments[2..]), () =>
        {
            var counts = wire.GetIPStatistics();
            return (counts.BytesSent, counts.BytesReceived);
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figures {figures.Sent} {figures.Received} {figures.Milliseconds}"));
        return 0;
    }

    /// <summary>What such a process printed.</summary>
    public static StepFigures Parse(string output)
    {
        var words = output.Split('\n').Single(line => line.StartsWith("figures ", StringComparison.Ordinal)).Split(' ');
        double Number(int place) => double.Parse(words[place], CultureInfo.InvariantCulture);
        return new(Number(1), Number(2), Number(3));
    }

    private static async Task<IHost> Client(IPEndPoint gateway)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseStaticClustering(gateway)
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (ClusterRuns.Name, ClusterRuns.Name))
            .AddMappingNetsTraining()
            .Configure<ClientMessagingOptions>(options => options.ResponseTimeout = Long));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
