using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Workers that train together end with the bits of one process.</summary>
[Collection("cluster")]
public sealed class ClusterTrainerTests(ClusterFixture fixture)
{
    private static readonly TrainingOptions Options = new() { Epochs = 3, BatchSize = 10, GradientAccumulation = 3, Seed = 5 };

    public static TheoryData<string, int> Cases => new()
    {
        { "adam", 1 }, { "adam", 2 }, { "adam", 3 },
        { "second order, all terms", 2 }, { "clipped, averaged", 3 }, { "own loss", 2 }, { "dropout", 3 }, { "direct", 2 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task WorkersEndWithTheBitsOfOneProcess(string what, int workers)
    {
        var (build, options) = Case(what);
        using var alone = build();
        using var data = Small.Classes();
        var expected = new Trainer(alone, options).Fit(data);

        var (models, reports) = await fixture.Train($"{what} {workers}", build, options, workers);

        foreach (var model in models)
            using (model)
                Assert.Equal(Bits(alone), Bits(model));
        foreach (var report in reports)
        {
            Assert.Equal(expected.Steps, report.Steps);
            Assert.Equal(expected.History.Select(epoch => epoch.TrainingLoss), report.History.Select(epoch => epoch.TrainingLoss));
            Assert.Equal(expected.History.Select(epoch => epoch.TrainingAccuracy), report.History.Select(epoch => epoch.TrainingAccuracy));
            Assert.Equal(expected.History.SelectMany(epoch => epoch.Terms), report.History.SelectMany(epoch => epoch.Terms));
            Assert.Equal(expected.History.SelectMany(epoch => epoch.TrainingMetrics), report.History.SelectMany(epoch => epoch.TrainingMetrics));
        }
    }

    [Fact]
    public async Task ValidationAndEarlyStoppingAreTheSameOnEveryWorker()
    {
        var options = Options with { Epochs = 8, ValidationFraction = 0.3, EarlyStoppingPatience = 1, RestoreBest = true, LearningRate = 0.5 };
        using var alone = Small.Slvt();
        using var data = Small.Classes();
        var expected = new Trainer(alone, options).Fit(data);

        var (models, reports) = await fixture.Train("early", () => Small.Slvt(), options, 2);

        Assert.True(expected.StoppedEarly && expected.History.Count < 8);
        Assert.All(reports, report => Assert.Equal(expected.History.Count, report.History.Count));
        Assert.All(reports, report => Assert.Equal(expected.BestEpoch, report.BestEpoch));
        foreach (var model in models)
            using (model)
                Assert.Equal(Bits(alone), Bits(model));
    }

    [Fact]
    public async Task AWorkerWithOtherSettingsIsRefused()
    {
        using var data = Small.Classes();
        using var first = Small.Slvt();
        await new ClusterTrainer(fixture.Grains, "refusal", first, Options).FitAsync(data);

        using var otherSeed = Small.Slvt(seed: 8);
        using var otherStart = Small.Slvt();
        new Trainer(otherStart, Options with { Epochs = 1 }).Fit(data);
        using var same = Small.Slvt();
        var rate = await Assert.ThrowsAsync<ArgumentException>(
            () => new ClusterTrainer(fixture.Grains, "refusal", same, Options with { LearningRate = 0.125 }).FitAsync(data));
        var seed = await Assert.ThrowsAsync<ArgumentException>(() => new ClusterTrainer(fixture.Grains, "refusal", otherSeed, Options).FitAsync(data));
        var start = await Assert.ThrowsAsync<ArgumentException>(() => new ClusterTrainer(fixture.Grains, "refusal", otherStart, Options).FitAsync(data));

        Assert.Contains("the learning rate is ", rate.Message);
        Assert.Contains("and 0.125 here", rate.Message);
        Assert.Contains("the mapping is", seed.Message);
        Assert.Contains("trained parameters at their start", start.Message);
        await ClusterTrainer.ForgetAsync(fixture.Grains, "refusal");
        await new ClusterTrainer(fixture.Grains, "refusal", otherSeed, Options).FitAsync(data);
    }

    [Fact]
    public async Task ARunThatHasEndedGoesOnWithMoreEpochs()
    {
        var options = Options with { Epochs = 5, Schedule = LearningRateSchedule.Constant };
        using var alone = Small.Slvt();
        using var data = Small.Classes();
        new Trainer(alone, options).Fit(data);

        var (first, _) = await fixture.Train("longer", () => Small.Slvt(), options with { Epochs = 2 }, 2);
        var (second, reports) = await fixture.Train("longer", () => Small.Slvt(), options, 2);

        Assert.All(second, model => Assert.Equal(Bits(alone), Bits(model)));
        Assert.All(reports, report => Assert.Equal((20, 5, false), (report.Steps, report.History.Count, report.StoppedEarly)));
        using var other = Small.Slvt();
        Assert.Contains("it has 5 finished epochs, and the number of epochs is 3 here", (await Refusal(options with { Epochs = 3 })).Message);
        Assert.Contains("the learning rate is ", (await Refusal(options with { Epochs = 6, LearningRate = 0.125 })).Message);
        foreach (var model in (Model[])[.. first, .. second])
            model.Dispose();

        Task<ArgumentException> Refusal(TrainingOptions with) => Assert.ThrowsAsync<ArgumentException>(
            () => new ClusterTrainer(fixture.Grains, "longer", other, with, new() { Workers = 2 }).FitAsync(data));
    }

    [Fact]
    public async Task ARunWhoseRatesDependOnItsLengthDoesNotBecomeLonger()
    {
        using var data = Small.Classes();
        using var first = Small.Slvt();
        using var second = Small.Slvt();
        await new ClusterTrainer(fixture.Grains, "cosine", first, Options).FitAsync(data);
        var fault = await Assert.ThrowsAsync<ArgumentException>(
            () => new ClusterTrainer(fixture.Grains, "cosine", second, Options with { Epochs = 4 }).FitAsync(data));
        Assert.Contains("the number of epochs is 3 there and 4 here, and the schedule 'Cosine' runs over all of them", fault.Message);
    }

    [Fact]
    public void OptionsOutOfRangeAreRefused()
    {
        using var model = Small.Slvt();
        Assert.Throws<ArgumentOutOfRangeException>("Workers", () => With(new() { Workers = 4 }));
        Assert.Throws<ArgumentOutOfRangeException>("Workers", () => With(new() { Workers = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("Deadline", () => With(new() { Deadline = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>("Deadline", () => With(new() { Deadline = TimeSpan.FromDays(2) }));
        Assert.Throws<ArgumentOutOfRangeException>("Patience", () => With(new() { Patience = TimeSpan.FromDays(2) }));
        Assert.Throws<ArgumentOutOfRangeException>("ClipPartNorm", () => With(new() { ClipPartNorm = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>("Combination", () => With(new() { Combination = (GradientCombination)9 }));
        Assert.Throws<ArgumentException>("run", () => new ClusterTrainer(fixture.Grains, " ", model));

        void With(ClusterTrainingOptions options) => _ = new ClusterTrainer(fixture.Grains, "x", model, Options, options);
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 4)]
    public async Task ACallbackOfOneWorkerStopsAllAfterTheSameStep(bool atEpoch, int steps)
    {
        using var data = Small.Classes();
        using var one = Small.Slvt();
        using var other = Small.Slvt();
        var stopping = Options with
        {
            OnStep = progress => !atEpoch && progress.Step == 2 ? TrainingSignal.Stop : TrainingSignal.Continue,
            OnEpoch = _ => atEpoch ? TrainingSignal.Stop : TrainingSignal.Continue,
        };
        var cluster = new ClusterTrainingOptions { Workers = 2 };

        var reports = await Task.WhenAll(
            new ClusterTrainer(fixture.Grains, $"stop {atEpoch}", one, stopping, cluster).FitAsync(data),
            new ClusterTrainer(fixture.Grains, $"stop {atEpoch}", other, Options, cluster).FitAsync(data));

        Assert.All(reports, report => Assert.Equal((steps, true, 1), (report.Steps, report.StoppedEarly, report.History.Count)));
        Assert.Equal(Bits(one), Bits(other));
    }

    [Fact]
    public async Task ACallbackStopsAllAfterTheSameStepAlsoWhereItsWorkerThenEvaluatesLongerThanTheOthersWait()
    {
        using var data = Small.Classes();
        using var one = Small.Slvt();
        using var other = Small.Slvt();
        var cluster = new ClusterTrainingOptions { Workers = 2, Deadline = TimeSpan.FromSeconds(2) };
        var isStopping = false;
        var options = Options with { ValidationFraction = 0.3, Metrics = [Mean(() => { })] };
        var stopping = options with { OnStep = StopAtTheSecond, Metrics = [Mean(WaitWhereStopping)] };

        var reports = await Task.WhenAll(
            new ClusterTrainer(fixture.Grains, "stop and evaluate", one, stopping, cluster).FitAsync(data),
            new ClusterTrainer(fixture.Grains, "stop and evaluate", other, options, cluster).FitAsync(data));

        Assert.All(reports, report => Assert.Equal((2, true, 1), (report.Steps, report.StoppedEarly, report.History.Count)));
        Assert.Equal(Bits(one), Bits(other));

        TrainingSignal StopAtTheSecond(TrainingProgress progress)
        {
            isStopping = progress.Step == 2;
            return isStopping ? TrainingSignal.Stop : TrainingSignal.Continue;
        }

        // Once the callback has said so, nothing but the evaluation is left.
        void WaitWhereStopping()
        {
            if (isStopping)
                fixture.Pass(cluster.Deadline, 4).Wait();
        }

        static Metric Mean(Action first) => new(
            "mean output",
            (outputs, _) =>
            {
                first();
                return stack([outputs.sum(), tensor((float)outputs.numel())]);
            },
            sums => sums[0] / sums[1]);
    }

    [Fact]
    public async Task ALossThatIsNotFiniteStopsEveryWorkerAtItsStep()
    {
        // The sample is in one part only; its squared error is beyond single precision.
        Dataset Broken()
        {
            using var scope = NewDisposeScope();
            using var whole = Small.Numbers();
            var targets = whole.Targets.clone();
            targets[17, 0] = tensor(3e38f);
            return Dataset.FromTensors(whole.Inputs.clone(), targets);
        }

        static Model Build() => MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
        using var alone = Build();
        using var data = Broken();
        var expected = Assert.Throws<TrainingDivergedException>(() => new Trainer(alone, Options).Fit(data));
        Model[] models = [Build(), Build()];

        var faults = await Task.WhenAll(models.Select(async model =>
        {
            using var own = Broken();
            return await Assert.ThrowsAsync<TrainingDivergedException>(
                () => new ClusterTrainer(fixture.Grains, "diverging", model, Options, new() { Workers = 2 }).FitAsync(own));
        }));

        Assert.All(faults, fault => Assert.Equal((expected.Step, expected.Term, expected.Message), (fault.Step, fault.Term, fault.Message)));
        foreach (var model in models)
            using (model)
                Assert.Equal(Bits(alone), Bits(model));
    }

    [Fact]
    public async Task AnEvilWorkerWrecksAMeanAndNotAMedianOrAClippedMean()
    {
        // It minimises the loss's opposite, ten thousand times over, under the loss's name.
        static TaskLoss Loss(float sign) => new("cross-entropy of ours", (outputs, targets) => nn.functional.cross_entropy(outputs, targets).mul(tensor(sign)));
        using var data = Small.Classes();
        using var untrained = Small.Slvt();
        var before = Evaluation.Of(untrained, data).Loss;

        Assert.True(await After("evil mean", new()) > before);
        Assert.True(await After("evil median", new() { Combination = GradientCombination.Median }) < before);
        Assert.True(await After("evil clipped", new() { ClipPartNorm = 0.05 }) < before);

        async Task<double> After(string run, ClusterTrainingOptions options)
        {
            Model[] models = [Small.Slvt(), Small.Slvt(), Small.Slvt()];
            await Task.WhenAll(models.Select((model, place) => new ClusterTrainer(
                fixture.Grains, run, model,
                Options with { BatchSize = 32, Epochs = 12, TaskLoss = Loss(place == 2 ? -1e4f : 1) }, options with { Workers = 3 }).FitAsync(data)));
            var loss = Evaluation.Of(models[0], data).Loss;
            foreach (var model in models)
                model.Dispose();
            return loss;
        }
    }

    internal static int[] Bits(Model model) => [.. model.Trainables.SelectMany(Small.Bits)];

    private static (Func<Model> Build, TrainingOptions Options) Case(string what) => what switch
    {
        "second order, all terms" => (() => Small.Slvt(), Options with { Optimizer = TrainingOptimizer.FullMatrix, Loss = LossOptions.Complete }),
        "clipped, averaged" => (
            () => Small.Lwt(),
            Options with { ClipGradientNorm = 0.5, AverageDecay = 0.9, RestoreAverage = true, Metrics = [Metric.F1()], LabelSmoothing = 0.1 }),
        "own loss" => (
            () => Small.Slvt(),
            Options with { TaskLoss = new TaskLoss("squares", (outputs, targets) => nn.functional.mse_loss(outputs, nn.functional.one_hot(targets, 3).to(float32))) }),
        "dropout" => (
            () => MappingNetwork.For(TargetNetwork.Input(4).Linear(14).Tanh().Dropout(0.4, seed: 2).Linear(3).Build("dropped")).SingleLatent(24).Build(),
            Options),
        "direct" => (() => DirectModel.For(Small.Classifier(), seed: 3), Options),
        _ => (() => Small.Slvt(), Options),
    };
}
