using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace MappingNets.Tests;

/// <summary>The first program of docs/cluster.md, here so that it is compiled and run.</summary>
internal static class LocalWorker
{
    public static async Task<TrainingReport> Run(Model model, Dataset train, int worker, int firstPort, int firstGateway)
    {
        // <page>
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(firstPort + worker, firstGateway + worker, new IPEndPoint(IPAddress.Loopback, firstPort))
            .AddMappingNetsTraining());
        using var host = builder.Build();
        await host.StartAsync();

        var options = new TrainingOptions { Epochs = 2, BatchSize = 32, GradientAccumulation = 4, Seed = 1 };
        var trainer = new ClusterTrainer(
            host.Services.GetRequiredService<IClusterClient>(), "run 1", model, options, new ClusterTrainingOptions { Workers = 2 });
        var report = await trainer.FitAsync(train);
        await host.StopAsync();
        // </page>
        return report;
    }
}
