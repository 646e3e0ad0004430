using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.TestingHost;
using TorchSharp;
using Xunit;

namespace MappingNets.Tests;

/// <summary>A cluster of two silos in this process, for all tests; each takes a run of its own name.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    public InProcessTestCluster Cluster { get; private set; } = null!;

    /// <summary>The changes that federated runs were sent.</summary>
    internal ConcurrentQueue<(string Run, string Secret, int Round, int Attempt, byte[] Bytes)> Changes { get; } = new();

    public IGrainFactory Grains => Cluster.Client;

    /// <summary>Trains with several workers side by side, each with a model and data of its own.</summary>
    public async Task<(Model[] Models, TrainingReport[] Reports)> Train(
        string run,
        Func<Model> build,
        TrainingOptions options,
        int workers,
        Func<Dataset>? data = null,
        ClusterTrainingOptions? cluster = null,
        Dataset? validation = null)
    {
        var models = Enumerable.Range(0, workers).Select(_ => build()).ToArray();
        var reports = await Task.WhenAll(models.Select(async model =>
        {
            using var training = (data ?? (() => Small.Classes()))();
            return await new ClusterTrainer(Grains, run, model, options, cluster ?? new() { Workers = workers }).FitAsync(training, validation);
        }));
        return (models, reports);
    }

    /// <summary>Lets so many halves of a deadline pass: after each a run answers a worker that waits for another one.</summary>
    public async Task Pass(TimeSpan deadline, int halves)
    {
        var run = Grains.GetGrain<IRunGrain>($"clock {Guid.NewGuid()}");
        Assert.Null((await run.Join("alone", new(4, 1, 2, 1, 4, 2, deadline, GradientCombination.Mean, null, [], [], 1, 0))).Refusal);
        for (; halves > 0; halves--)
            Assert.Equal(ReplyKind.Again, (await run.Contribute(new("alone", 0, 0, []))).Kind);
    }

    public async Task InitializeAsync()
    {
        // Before several threads train at once.
        torch.set_num_threads(1);
        var builder = new InProcessTestClusterBuilder(2);
        builder.ConfigureSilo((_, silo) => silo.AddMappingNetsTraining().AddIncomingGrainCallFilter(call =>
        {
            if (call.MethodName == nameof(IFederationGrain.Submit))
                Changes.Enqueue((
                    call.TargetId.Key.ToString()!, (string)call.Request.GetArgument(0)!, (int)call.Request.GetArgument(1)!,
                    (int)call.Request.GetArgument(2)!, (byte[])call.Request.GetArgument(3)!));
            return call.Invoke();
        }));
        Cluster = builder.Build();
        await Cluster.DeployAsync();
    }

    public async Task DisposeAsync() => await Cluster.DisposeAsync();
}

[CollectionDefinition("cluster")]
public sealed class ClusterCollection : ICollectionFixture<ClusterFixture>;
