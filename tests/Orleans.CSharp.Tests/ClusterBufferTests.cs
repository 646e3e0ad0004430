using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The buffers of a network that several workers train: running statistics, counts of batches, places of dropouts, and constants.</summary>
[Collection("cluster")]
public sealed class ClusterBufferTests(ClusterFixture fixture)
{
    private static readonly TrainingOptions Options = new() { Epochs = 3, BatchSize = 10, GradientAccumulation = 3, Seed = 5 };

    [Fact]
    public async Task BatchNormIsTheSameForEveryNumberOfWorkers()
    {
        var (one, _) = await fixture.Train("norm 1", Normed, Options, 1);
        var (three, _) = await fixture.Train("norm 3", Normed, Options, 3);
        foreach (var model in three)
            using (model)
            {
                Assert.Equal(ClusterTrainerTests.Bits(one[0]), ClusterTrainerTests.Bits(model));
                Assert.Equal(one[0].State.Tensors.SelectMany(Numbers), model.State.Tensors.SelectMany(Numbers));
            }

        // 10 parts an epoch, 3 epochs.
        Assert.Equal(30, one[0].State["bn1.num_batches_tracked"].item<long>());
        one[0].Dispose();
    }

    [Fact]
    public async Task RunningStatisticsAreTheMeanOverThePartsOfAnEpoch()
    {
        // One step of two parts. Its statistics come from the weights at the start, so that each part's are those of a training on it alone.
        var options = new TrainingOptions { Epochs = 1, BatchSize = 48, GradientAccumulation = 2, Seed = 3 };
        using var data = Small.Classes();
        using var scope = NewDisposeScope();
        var means = new List<Tensor>();
        foreach (var batch in data.Batches(48, seed: 3, epoch: 1))
            using (batch)
            using (var part = Dataset.FromTensors(batch.Inputs.clone(), batch.Targets.clone(), data.ClassNames))
            using (var alone = Normed())
            {
                new Trainer(alone, options with { GradientAccumulation = 1 }).Fit(part);
                means.Add(alone.State["bn1.running_mean"].clone());
            }

        var (models, _) = await fixture.Train("mean", Normed, options, 2);

        foreach (var model in models)
            using (model)
                Assert.True(model.State["bn1.running_mean"].allclose((means[0] + means[1]) / 2, rtol: 1e-5, atol: 1e-7));
        Assert.False(means[0].allclose(means[1], rtol: 1e-2));
    }

    [Fact]
    public async Task AModelHoldsTheStatisticsOfTheEpochsStartUntilItsEnd()
    {
        var stopping = Options with { OnStep = _ => TrainingSignal.Stop };
        var (models, _) = await fixture.Train("cut short", Normed, stopping, 1);
        Assert.All(Numbers(models[0].State["bn1.running_mean"]), number => Assert.Equal(0, number));
        Assert.Equal(0, models[0].State["bn1.num_batches_tracked"].item<long>());
        models[0].Dispose();
    }

    [Fact]
    public async Task AFineTunedNetworkKeepsTheBuffersOfItsBase()
    {
        using var pretrained = Pretrained();
        Model Build() => Tuned(pretrained);
        using var alone = Build();
        using var data = Small.Classes();
        new Trainer(alone, Options).Fit(data);

        var (models, _) = await fixture.Train("frozen", Build, Options, 2);

        using var folder = new TemporaryFolder();
        foreach (var model in models)
            using (model)
            {
                Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model));
                Assert.Equal(Buffers(alone), Buffers(model));
                Assert.Equal(7, model.State["bn1.num_batches_tracked"].item<long>());
                // It has no place for buffers that have moved.
                ((FineTunedModel)model).SavePeftAdapter(folder.File("adapter"));
            }
    }

    // As builds did that counted batches although statistics were frozen: in the model, in its best state and in the last one that was in order.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task AFrozenRunThatWasKeptWithMovedCountsComesBackWithTheBuffersOfItsBase(int epochs)
    {
        var run = $"frozen and counted {epochs}";
        var options = Options with { Schedule = LearningRateSchedule.Constant, ValidationFraction = 0.25, RestoreBest = true };
        using var pretrained = Pretrained();
        using var data = Small.Classes();
        using var earlier = Tuned(pretrained);
        var counting = options with
        {
            Epochs = 2,
            OnStep = _ =>
            {
                earlier.State["bn1.num_batches_tracked"].fill_(30L);
                return TrainingSignal.Continue;
            },
        };
        await new ClusterTrainer(fixture.Grains, run, earlier, counting).FitAsync(data);
        using var alone = Tuned(pretrained);
        new Trainer(alone, options with { Epochs = epochs }).Fit(data);

        using var model = Tuned(pretrained);
        await new ClusterTrainer(fixture.Grains, run, model, options with { Epochs = epochs }).FitAsync(data);

        Assert.Equal(7, model.State["bn1.num_batches_tracked"].item<long>());
        Assert.Equal(Buffers(alone), Buffers(model));
        Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model));
    }

    private static PretrainedWeights Pretrained()
    {
        using var trained = DirectModel.For(NormedAndDropped(), seed: 3);
        trained.State["bn1.running_mean"].fill_(0.25f);
        trained.State["bn1.num_batches_tracked"].fill_(7L);
        return PretrainedWeights.Of(trained);
    }

    private static FineTunedModel Tuned(PretrainedWeights pretrained) => FineTuning.Of(NormedAndDropped(), pretrained).LowRank(2).Build();

    private static TargetNetwork NormedAndDropped() =>
        TargetNetwork.Input(4).Linear(14).BatchNorm1d().Tanh().Dropout(0.4, seed: 2).Linear(3).Build("normed-and-dropped");

    /// <summary>A module that shifts by a whole number of its own.</summary>
    private sealed class Shifted : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> first = nn.Linear(4, 14), last = nn.Linear(14, 3);

        public Shifted()
            : base("Shifted")
        {
            register_buffer("shift", tensor(3L));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => last.call((first.call(input) + (get_buffer("shift")! * 0.1)).tanh());
    }

    [Fact]
    public async Task AWholeNumberThatAModuleReadsIsNotTakenForACounter()
    {
        using var loans = new Loans();
        using var alone = loans.ModelOf(new Shifted());
        using var data = Small.Classes();
        new Trainer(alone, Options).Fit(data);

        var (models, _) = await fixture.Train("shifted", () => loans.ModelOf(new Shifted()), Options, 2);

        foreach (var model in models)
            using (model)
            {
                Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model));
                Assert.Equal(3, model.State["shift"].item<long>());
            }
    }

    /// <summary>A module that counts its passes of training by itself.</summary>
    private sealed class Counting : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> inner = nn.Linear(4, 3);

        public Counting()
            : base("Counting")
        {
            register_buffer("calls", tensor(0L));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            if (training)
                get_buffer("calls")!.add_(1);
            return inner.call(input);
        }
    }

    [Fact]
    public async Task AModuleWithACounterOfItsOwnIsRefusedByItsName()
    {
        using var loans = new Loans();
        using var model = loans.ModelOf(new Counting());
        using var data = Small.Classes();

        var fault = await Assert.ThrowsAsync<NotSupportedException>(() => new ClusterTrainer(fixture.Grains, "counting", model, Options).FitAsync(data));

        Assert.Contains("moves the buffer 'calls' (Int64)", fault.Message);
        Assert.Equal(0, model.State["calls"].item<long>());
    }

    /// <summary>Modules on loan, each worker's own, which outlive their models.</summary>
    private sealed class Loans : IDisposable
    {
        private readonly Stack<IDisposable> lent = new();

        public MappedModel ModelOf(nn.Module<Tensor, Tensor> module)
        {
            lent.Push(module);
            using var example = zeros(1, 4);
            var target = TargetNetwork.From(module, example);
            lent.Push(target);
            return MappingNetwork.For(target).SingleLatent(8).WithSeed(7).Build();
        }

        // A module is its owner's again once its target is disposed.
        public void Dispose()
        {
            while (lent.TryPop(out var one))
                one.Dispose();
        }
    }

    private static Model Normed() =>
        MappingNetwork.For(TargetNetwork.Input(4).Linear(14).BatchNorm1d().Tanh().Linear(3).Build("normed")).SingleLatent(24).Build();

    private static IEnumerable<double> Numbers(Tensor values)
    {
        using var wide = values.to(float64);
        return [.. wide.data<double>()];
    }

    // Whole numbers such as a dropout's place are too large for a float to tell apart.
    private static IEnumerable<long> Buffers(Model model) => model.State.Tensors.SelectMany(
        buffer => buffer.is_floating_point() ? Small.Bits(buffer).Select(bits => (long)bits) : buffer.data<long>());
}
