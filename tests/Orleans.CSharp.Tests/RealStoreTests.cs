using System.Net;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Runs that outlive their cluster in a real Redis, and real processes that are killed.</summary>
public sealed class RealStoreTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TrainingOptions Options = new() { Epochs = 3, BatchSize = 10, GradientAccumulation = 3, Seed = 5 };

    [RedisFact]
    public async Task ARunGoesOnInANewClusterFromWhatRedisKept()
    {
        await using var redis = await RedisServer.Start();
        using var data = Small.Classes();
        using var first = Small.Slvt();
        using var ending = new CancellationTokenSource();
        var stopping = Options with
        {
            OnStep = progress =>
            {
                if ((progress.Epoch, progress.Step) == (2, 3))
                    ending.Cancel();
                return TrainingSignal.Continue;
            },
        };
        using (var host = await Silo(redis))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Trainer(host, first, stopping).FitAsync(data, cancellation: ending.Token));
            await host.StopAsync();
        }

        using var second = Small.Slvt();
        using var alone = Small.Slvt();
        var heard = new Listener();
        using (var host = await Silo(redis))
        {
            await Trainer(host, second, Options).FitAsync(data, progress: heard);
            await host.StopAsync();
        }

        new Trainer(alone, Options).Fit(data);
        Assert.Equal(2, heard.Heard[0].Epoch);
        Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(second));
    }

    [RedisFact]
    public async Task ARunGoesOnWhenTheSiloThatKnowsItsPlaceEnds()
    {
        await using var redis = await RedisServer.Start();
        using var data = Small.Classes();
        Model[] models = [Small.Slvt(), Small.Slvt()];
        using var alone = Small.Slvt();
        using var staying = await Silo(redis);
        using var knowing = await Silo(redis);
        var cluster = staying.Services.GetRequiredService<IClusterClient>();
        var run = Enumerable.Range(0, 1000).Select(number => $"run {number}").First(name =>
            KnowerOf(cluster.GetGrain<IRunGrain>(name).GetGrainId(), [Address(staying), Address(knowing)]).Equals(Address(knowing)));
        // The grain itself is on the other silo.
        RequestContext.Set(IPlacementDirector.PlacementHintKey, Address(staying));
        await cluster.GetGrain<IRunGrain>(run).Leave("nobody");
        RequestContext.Clear();

        // One worker waits for the other, which goes on when the silo has ended.
        var ending = Options with
        {
            OnStep = progress =>
            {
                if ((progress.Epoch, progress.Step) == (2, 2))
                    knowing.StopAsync().Wait();
                return TrainingSignal.Continue;
            },
        };
        var options = new ClusterTrainingOptions { Workers = 2, Patience = TimeSpan.FromSeconds(40) };
        await Task.WhenAll(models.Zip([Options, ending], (model, own) => new ClusterTrainer(cluster, run, model, own, options).FitAsync(data)));
        await staying.StopAsync();

        new Trainer(alone, Options).Fit(data);
        foreach (var model in models)
        {
            Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model));
            model.Dispose();
        }
    }

    [RedisFact]
    public void AProcessThatIsKilledIsReplacedAndTheBitsAreThoseOfOneProcess()
    {
        // The example, on few synthetic images: three workers, one of them killed, a fourth joins. It ends with 1 where bits differ.
        var output = ChildProcess.Run("dotnet", [typeof(RedisServer).Assembly.Location, "--synthetic", "--samples", "390", "--epochs", "2", "--compare"]);
        Assert.Contains("Worker 3 was killed (SIGKILL) after step", output);
        Assert.Contains("Worker 4 was started after step", output);
        Assert.Contains("All workers ended with the same bits: yes", output);
        Assert.Contains("One process ends with the same bits: yes", output);
    }

    [RedisFact]
    public async Task AStepThatAWorkerHasTakenIsNotWaitedForAgain()
    {
        await using var redis = await RedisServer.Start();
        // Stands for a worker that has said its last step and does not end.
        using var worker = new WorkerProcess(1, new(), redis, new(), "sh", "-c", "echo 'step 8 of 8, and no more'; exec tail -f /dev/null");
        Assert.Equal(8, await worker.Reached(share: 1).WaitAsync(Longest));
        Assert.Equal(8, await worker.Reached(share: 0.6).WaitAsync(Longest));
    }

    [RedisFact]
    public async Task ARedisThatCannotListenIsSaidToHaveEnded()
    {
        // An address for documentation, which no machine has.
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => RedisServer.Start("192.0.2.1"));
        Assert.Equal($"{RedisServer.Program} ended with 1.", fault.Message);
    }

    [Fact]
    public void APortThatWasGivenOutIsNotGivenAgain()
    {
        // So many at random among 21,000 would meet.
        var ports = Enumerable.Range(0, 500).Select(_ => RedisServer.FreePort(above: 1)).SelectMany(port => new[] { port, port + 1 }).ToArray();
        RedisServer.GiveBack(ports);
        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    private static ClusterTrainer Trainer(IHost host, Model model, TrainingOptions options) =>
        new(host.Services.GetRequiredService<IClusterClient>(), "kept", model, options);

    private static SiloAddress Address(IHost silo) => silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;

    // Orleans' rule: silos and grains have places on a ring, and the silo before a grain knows where that is.
    private static SiloAddress KnowerOf(GrainId grain, SiloAddress[] silos)
    {
        var ring = silos.OrderBy(silo => silo.GetConsistentHashCode()).ToArray();
        return ring.LastOrDefault(silo => silo.GetConsistentHashCode() <= unchecked((int)grain.GetUniformHashCode())) ?? ring[^1];
    }

    private static async Task<IHost> Silo(RedisServer redis)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo
            .Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("tests", "tests"))
            .ConfigureEndpoints(IPAddress.Loopback, RedisServer.FreePort(), RedisServer.FreePort())
            .UseRedisClustering(options => options.ConfigurationOptions = redis.Options())
            .AddRedisGrainStorage(ClusterHosting.StorageName, options => options.ConfigurationOptions = redis.Options())
            .AddMappingNetsTraining());
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
