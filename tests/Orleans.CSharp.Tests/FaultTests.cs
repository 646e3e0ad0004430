using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Workers and silos fail in the midst of a run, and the trained parameters keep the bits of one process.</summary>
[Collection("cluster")]
public sealed class FaultTests(ClusterFixture fixture)
{
    private static readonly TrainingOptions Options = new()
    {
        Epochs = 4,
        BatchSize = 10,
        GradientAccumulation = 3,
        Seed = 5,
        Optimizer = TrainingOptimizer.FullMatrix,
        AverageDecay = 0.9,
    };

    private static readonly ClusterTrainingOptions Cluster = new() { Workers = 2, Deadline = TimeSpan.FromMilliseconds(400) };

    [Fact]
    public async Task AWorkerThatLeavesIsReplacedAndALaterOneCatchesUp()
    {
        using var leaving = new CancellationTokenSource();
        using var data = Small.Classes();
        Model[] models = [Small.Slvt(), Small.Slvt(), Small.Slvt()];
        var joined = new TaskCompletionSource<Task<TrainingReport>>();
        var left = new TaskCompletionSource();
        var caughtUp = new TaskCompletionSource();

        // The second one leaves after 5 steps; the third one is started after the first one's sixth, and waited for after its eighth.
        var staying = Worker("leave", models[0], Options with
        {
            OnStep = progress =>
            {
                var step = ((progress.Epoch - 1) * 4) + progress.Step;
                if (step == 5)
                    left.Task.Wait();
                if (step == 6)
                    joined.SetResult(Worker("leave", models[2], Options with
                    {
                        OnStep = _ =>
                        {
                            caughtUp.TrySetResult();
                            return TrainingSignal.Continue;
                        },
                    }, data));
                if (step == 8)
                    caughtUp.Task.Wait();
                return TrainingSignal.Continue;
            },
        }, data);
        var fault = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Worker("leave", models[1], Options with
        {
            OnStep = progress =>
            {
                if ((progress.Epoch, progress.Step) == (2, 1))
                    leaving.Cancel();
                return TrainingSignal.Continue;
            },
        }, data, leaving.Token));
        left.SetResult();
        await Task.WhenAll(staying, await joined.Task);

        using var alone = Alone(data);
        Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(models[0]));
        Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(models[2]));
        Assert.NotNull(fault);
        Free(models);
    }

    [Fact]
    public async Task AWorkerThatHangsIsDroppedAndComesBackWithTheSameBits()
    {
        using var data = Small.Classes();
        Model[] models = [Small.Slvt(), Small.Slvt()];
        var ended = new TaskCompletionSource();
        var staying = Worker("hang", models[0], Options, data);
        var hanging = Worker("hang", models[1], Options with
        {
            // Until the other one has trained to the end without it.
            OnStep = progress =>
            {
                if ((progress.Epoch, progress.Step) == (1, 3))
                    ended.Task.Wait();
                return TrainingSignal.Continue;
            },
        }, data);
        var report = await staying;
        ended.SetResult();
        Assert.Equal(report.Steps, (await hanging).Steps);

        using var alone = Alone(data);
        Assert.All(models, model => Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model)));
        Free(models);
    }

    [Fact]
    public async Task AReducerThatIsActivatedAnewInTheMidstGoesOnWithTheSameBits()
    {
        using var data = Small.Classes();
        Model[] models = [Small.Slvt(), Small.Slvt()];
        // In the first epoch, when no state is kept yet, and in a later one.
        var options = Options with
        {
            OnStep = progress =>
            {
                if (progress is { Epoch: 1 or 3, Step: 2 })
                    fixture.Cluster.DeactivateAsync(fixture.Grains.GetGrain<IRunGrain>("anew")).Wait();
                return TrainingSignal.Continue;
            },
        };
        var reports = await Task.WhenAll(Worker("anew", models[0], options, data), Worker("anew", models[1], Options, data));

        using var alone = Alone(data);
        Assert.All(models, model => Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model)));
        Assert.All(reports, report => Assert.Equal(16, report.Steps));
        Free(models);
    }

    [Fact]
    public async Task ARunGoesOnAfterItsLastEpochWhenAllWorkersAndTheReducerHaveEnded()
    {
        using var data = Small.Classes();
        using var ending = new CancellationTokenSource();
        // The other's cancellation could end a worker that was dropped before it knows that it is to keep the state after the second epoch.
        var patient = Cluster with { Deadline = TimeSpan.FromSeconds(5) };
        Model[] first = [Small.Slvt(), Small.Slvt()];
        var stopping = Options with
        {
            OnStep = progress =>
            {
                if ((progress.Epoch, progress.Step) == (3, 2))
                    ending.Cancel();
                return TrainingSignal.Continue;
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(
            Worker("again", first[0], stopping, data, ending.Token, patient), Worker("again", first[1], stopping, data, ending.Token, patient)));
        await fixture.Cluster.DeactivateAsync(fixture.Grains.GetGrain<IRunGrain>("again"));

        Model[] second = [Small.Slvt(), Small.Slvt()];
        var heard = new Listener();
        var reports = await Task.WhenAll(
            new ClusterTrainer(fixture.Grains, "again", second[0], Options, patient).FitAsync(data, progress: heard),
            Worker("again", second[1], Options, data, cluster: patient));

        using var alone = Alone(data);
        Assert.All(second, model => Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model)));
        Assert.Equal(3, heard.Heard[0].Epoch);
        Assert.All(reports, report => Assert.Equal((16, 4), (report.Steps, report.History.Count)));
        Free([.. first, .. second]);
    }

    // The first one is asked for the state, and fails before it gives it. The other one takes the epoch's last two steps in one answer.
    [Fact]
    public async Task TheLastStateIsKeptAlthoughTheWorkerThatWasAskedForItFails()
    {
        using var data = Small.Classes();
        using var longest = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Model[] models = [Small.Slvt(), Small.Slvt(), Small.Slvt()];
        var options = Options with { Epochs = 1 };
        var failed = new TaskCompletionSource();
        var failing = Worker("unkept", models[0], options with
        {
            OnStep = progress => progress.Step < 4 ? TrainingSignal.Continue : throw new InvalidOperationException("the machine is off"),
        }, data, longest.Token);
        var hanging = Worker("unkept", models[1], options with
        {
            OnStep = progress =>
            {
                if (progress.Step == 2)
                    failed.Task.Wait();
                return TrainingSignal.Continue;
            },
        }, data, longest.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => failing);
        failed.SetResult();
        await hanging;
        await fixture.Cluster.DeactivateAsync(fixture.Grains.GetGrain<IRunGrain>("unkept"));

        var heard = new Listener();
        var report = await new ClusterTrainer(fixture.Grains, "unkept", models[2], options, Cluster).FitAsync(data, progress: heard, cancellation: longest.Token);

        Assert.Empty(heard.Heard);
        Assert.Equal(4, report.Steps);
        Assert.Equal(ClusterTrainerTests.Bits(models[1]), ClusterTrainerTests.Bits(models[2]));
        Free(models);
    }

    [Fact]
    public void AClusterThatIsGoneIsReportedAfterTheWorkersPatience()
    {
        var asked = 0;
        var line = new ClusterLine<IRunGrain>(null!, Cluster.Deadline, TimeSpan.FromMilliseconds(1), CancellationToken.None);
        var fault = Assert.Throws<ClusterUnavailableException>(() => line.Ask<int>(_ => ++asked > 0 ? throw new OrleansException("nobody is here") : null!));
        Assert.Contains("nobody is here", fault.Message);
        Assert.InRange(asked, 1, 2);
    }

    [Fact]
    public void ACallWithoutAnAnswerIsMadeAgainWhereTheDeadlineExceedsThePatience()
    {
        var asked = 0;
        var line = new ClusterLine<IRunGrain>(null!, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4), CancellationToken.None);
        Assert.Equal(2, line.Ask(_ => ++asked == 1 ? new TaskCompletionSource<int>().Task : Task.FromResult(asked)));
    }

    [Fact]
    public void AMessageThatOrleansFindsTooLongIsNotSentAgain()
    {
        var asked = 0;
        var line = new ClusterLine<IRunGrain>(null!, Cluster.Deadline, TimeSpan.FromMinutes(2), CancellationToken.None);
        var fault = Assert.Throws<InvalidOperationException>(
            () => line.Ask<int>(_ => ++asked > 0 ? throw new InvalidMessageFrameException("Invalid body size: 200 (max configured value is 100)") : null!));
        Assert.Contains("max configured value is 100", fault.Message);
        Assert.Contains(nameof(ClusterHosting.AddMappingNetsTraining), fault.Message);
        Assert.Equal(1, asked);
    }

    private Task<TrainingReport> Worker(
        string run, Model model, TrainingOptions options, Dataset data, CancellationToken cancellation = default, ClusterTrainingOptions? cluster = null) =>
        new ClusterTrainer(fixture.Grains, run, model, options, cluster ?? Cluster).FitAsync(data, cancellation: cancellation);

    private static MappedModel Alone(Dataset data)
    {
        var model = Small.Slvt();
        new Trainer(model, Options).Fit(data);
        return model;
    }

    private static void Free(IEnumerable<Model> models)
    {
        foreach (var model in models)
            model.Dispose();
    }
}
