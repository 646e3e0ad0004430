using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A run that was interrupted and goes on from its file ends with the bits of one that was not.</summary>
public sealed partial class ResumeTests
{
    private static readonly TrainingOptions Options = new()
    {
        Epochs = 6,
        BatchSize = 12,
        Seed = 3,
        RestoreBest = true,
        EarlyStoppingPatience = 5,
        LearningRate = 0.3,
        Loss = LossOptions.Complete,
    };

    private static TargetNetwork WithBatchNorm() =>
        TargetNetwork.Input(1, 6, 6).Conv2d(3, 3).BatchNorm2d().ReLU().Flatten().Linear(3).Build("small-batch-norm");

    private static TargetNetwork WithDropout() =>
        TargetNetwork.Input(4).Linear(14).Tanh().Dropout(0.3, seed: 5).Linear(3).Build("small-dropout");

    private static Dataset Images()
    {
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(arange(40 * 36).to(float32).sin().reshape(40, 1, 6, 6), arange(40) % 3, ["a", "b", "c"]);
    }

    private static Model Make(string kind) => kind switch
    {
        "direct" => DirectModel.For(Small.Classifier(), seed: 7),
        "slvt" => Small.Slvt(),
        "lwt with scales" => MappingNetwork.For(Small.Classifier()).LayerWise(24).WithTrainableScales().WithSeed(7).Build(),
        "batch norm" => MappingNetwork.For(WithBatchNorm()).SingleLatent(24).WithSeed(7).Build(),
        "direct, batch norm" => DirectModel.For(WithBatchNorm(), seed: 7),
        "dropout" => MappingNetwork.For(WithDropout()).SingleLatent(24).WithSeed(7).Build(),
        "direct, dropout" => DirectModel.For(WithDropout(), seed: 7),
        "generated" => GeneratedModel.For(
            Small.Classifier(), "wave", [new("start", zeros(115)), new("slope", ones(1))], trained => trained[0] + (trained[1] * arange(115).to(float32).sin())),
        _ => throw new InvalidOperationException(kind),
    };

    /// <summary>All terms of the loss where the model has them.</summary>
    private static TrainingOptions For(Model model, TrainingOptions options) =>
        model is MappedModel ? options : options with { Loss = LossOptions.TaskOnly };

    private static Dataset DataFor(string kind) => kind.Contains("batch norm") ? Images() : Small.Classes(40);

    /// <summary>All that training left, as text that tells any two bits apart.</summary>
    private static string Everything(Model model, TrainingReport report) => string.Join('\n', [
        .. model.Trainables.Select(tensor => string.Join(' ', Small.Bits(tensor))),
        .. model.State.Tensors.Select(tensor => string.Join(' ', Small.Bits(tensor.to(float32)))),
        .. report.History.Select(epoch => FormattableString.Invariant(
            $"{epoch.Epoch} {epoch.TrainingLoss:R} {epoch.TrainingAccuracy:R} {epoch.ValidationLoss:R} {epoch.ValidationAccuracy:R} ")
            + string.Join(' ', epoch.Terms.Concat(epoch.Coefficients).Select(pair => FormattableString.Invariant($"{pair.Key} {pair.Value:R}")))),
        FormattableString.Invariant($"{report.BestEpoch} {report.StoppedEarly} {report.Steps}"),
    ]);

    private static void Interrupt(string kind, TrainingOptions options, string file, int epoch, int step)
    {
        using var data = DataFor(kind);
        using var model = Make(kind);
        using var source = new CancellationTokenSource();
        var listener = new Listener(progress =>
        {
            if (progress.Epoch == epoch && progress.Step == step)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(
            () => new Trainer(model, For(model, options)).Fit(data, data, listener, source.Token, file));
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("slvt")]
    [InlineData("lwt with scales")]
    [InlineData("batch norm")]
    [InlineData("direct, batch norm")]
    [InlineData("dropout")]
    [InlineData("direct, dropout")]
    [InlineData("generated")]
    [InlineData("slvt", true)]
    [InlineData("lwt with scales", true)]
    [InlineData("generated", true)]
    public void An_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one(
        string kind, bool isSecondOrder = false)
    {
        var options = Options with { Optimizer = isSecondOrder ? TrainingOptimizer.FullMatrix : TrainingOptimizer.Adam };
        using var folder = new TemporaryFolder();
        using var data = DataFor(kind);
        using var whole = Make(kind);
        var expected = Everything(whole, new Trainer(whole, For(whole, options)).Fit(data, data));
        var file = folder.File("run.safetensors");
        // Between two epochs, and in the midst of one.
        Interrupt(kind, options, file, epoch: 2, step: 4);
        Interrupt(kind, options, file, epoch: 5, step: 2);

        using var resumed = Make(kind);
        var heard = new Listener();
        var report = new Trainer(resumed, For(resumed, options)).Fit(data, data, heard, resumeFile: file);

        Assert.Equal(expected, Everything(resumed, report));
        Assert.Equal((5, 1), (heard.Heard[0].Epoch, heard.Heard[0].Step));
        Assert.True(report.MedianStepMilliseconds > 0);
        if (whole is MappedModel mapped)
            Assert.Equal(mapped.Coefficients, ((MappedModel)resumed).Coefficients);
    }

    [Fact]
    public void A_finished_run_is_put_back_without_a_step()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        var options = Options with { Epochs = 40, LearningRate = 1.5, EarlyStoppingPatience = 2 };
        using var first = Small.Slvt();
        var expected = new Trainer(first, options).Fit(data, data, resumeFile: file);

        using var again = Small.Slvt();
        var heard = new Listener();
        var report = new Trainer(again, options).Fit(data, data, heard, resumeFile: file);

        Assert.True(expected.StoppedEarly);
        Assert.Empty(heard.Heard);
        Assert.Equal(Everything(first, expected), Everything(again, report));
        Assert.Equal(expected.MedianStepMilliseconds, report.MedianStepMilliseconds);
    }

    private static TrainingOptions Poisonable(Func<bool> isPoisoned) => new()
    {
        Epochs = 4,
        BatchSize = 12,
        TaskLoss = new("own", (outputs, targets) => nn.functional.mse_loss(outputs, targets) * (isPoisoned() ? float.NaN : 1)),
    };

    [Fact]
    public void A_run_that_diverges_after_it_was_resumed_falls_back_as_an_uninterrupted_one()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Numbers(24);
        var isPoisoned = false;
        var options = Poisonable(() => isPoisoned);
        var file = folder.File("run.safetensors");
        Model Build() => MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
        void Poison(TrainingProgress progress) => isPoisoned |= progress is { Epoch: 2, Step: 2 };

        using var whole = Build();
        Assert.Throws<TrainingDivergedException>(() => new Trainer(whole, options).Fit(data, progress: new Listener(Poison), resumeFile: file));
        using var resumed = Build();
        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(resumed, options).Fit(data, resumeFile: file));

        Assert.Equal(4, stop.Step);
        Assert.Equal(Small.State(whole), Small.State(resumed));
    }

    [Fact]
    public void A_run_whose_file_is_of_an_earlier_build_and_has_no_last_good_state_falls_back_to_where_it_was_resumed()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Numbers(24);
        var isPoisoned = false;
        var options = Poisonable(() => isPoisoned);
        var file = folder.File("run.safetensors");
        var target = TargetNetwork.Input(4).Linear(6).BatchNorm1d().Tanh().Linear(1).Build("normed");
        Model Build() => MappingNetwork.For(target).SingleLatent(24).Build();
        float[] Changing(Model model) => [.. Small.State(model), .. model.State.Tensors.SelectMany(buffer => Small.Values(buffer.to(float32)))];
        using var first = Build();
        var start = Changing(first);
        new Trainer(first, options with { OnEpoch = _ => TrainingSignal.Stop }).Fit(data, resumeFile: file);
        // Such builds kept none of a network with large buffers.
        Change(file, _ => { }, tensors =>
        {
            string[] kept = [.. tensors.Keys.Where(name => name.StartsWith("last_good.", StringComparison.Ordinal))];
            Assert.NotEmpty(kept);
            Assert.All(kept, name => Assert.True(tensors.Remove(name)));
        });

        isPoisoned = true;
        using var resumed = Build();
        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(resumed, options).Fit(data, resumeFile: file));

        Assert.Equal(2, stop.Step);
        Assert.Contains("The model is back", stop.Message);
        Assert.NotEqual(start, Changing(resumed));
        Assert.Equal(Changing(first), Changing(resumed));
    }

    [Fact]
    public void Another_run_is_refused_and_what_differs_is_named()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", Options, file, epoch: 1, step: 4);
        var bytes = File.ReadAllBytes(file);
        void Refused(string what, Model model, TrainingOptions? options = null, Dataset? training = null)
        {
            using (model)
            {
                var before = Small.State(model);
                var fault = Assert.Throws<CheckpointFormatException>(
                    () => new Trainer(model, For(model, options ?? Options)).Fit(training ?? data, data, resumeFile: file));
                Assert.Contains($"'{file}' belongs to another run: {what}", fault.Message);
                Assert.Equal(before, Small.State(model));
            }
        }

        using var fewer = data.Take(39);
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24);
        Refused("the number of epochs is 6 there and 7 here", Small.Slvt(), Options with { Epochs = 7 });
        Refused("the learning rate is 0.3 there and 0.05 here", Small.Slvt(), Options with { LearningRate = null });
        Refused("the optimizer is Adam there and FullMatrix here", Small.Slvt(), Options with { Optimizer = TrainingOptimizer.FullMatrix });
        Refused("the seed is 3 there and 4 here", Small.Slvt(), Options with { Seed = 4 });
        Refused("the loss is ", Small.Slvt(), Options with { Loss = LossOptions.TaskOnly });
        Refused("the number of training samples is 40 there and 39 here", Small.Slvt(), training: fewer);
        Refused("the method is slvt there and direct here", DirectModel.For(Small.Classifier()));
        Refused("the trained tensors is latent (24) there and latent (25) here", Small.Slvt(latents: 25));
        Refused("the fixed weights is ", mapping.WithFixedWeights(FixedWeightsKind.Hadamard).WithSeed(7).Build());
        Refused("the mapping is ", Small.Slvt(seed: 8));
        Refused("the target is ", MappingNetwork.For(TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("other")).SingleLatent(24).WithSeed(7).Build());
        Assert.Equal(bytes, File.ReadAllBytes(file));
    }

    [Fact]
    public void A_model_that_starts_elsewhere_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("direct", Options, file, epoch: 1, step: 4);
        using var other = DirectModel.For(Small.Classifier(), seed: 8);

        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(other, For(other, Options)).Fit(data, data, resumeFile: file));

        Assert.Contains("the weights that the model starts from", fault.Message);
    }

    [Fact]
    public void A_damaged_or_foreign_file_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", Options, file, epoch: 1, step: 4);
        var bytes = File.ReadAllBytes(file);
        void Refused(byte[] content, string what)
        {
            File.WriteAllBytes(file, content);
            using var model = Small.Slvt();
            var before = Small.State(model);
            var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Options).Fit(data, data, resumeFile: file));
            Assert.StartsWith($"'{file}' ", fault.Message);
            Assert.Contains(what, fault.Message);
            Assert.Equal(before, Small.State(model));
            Assert.Equal(content, File.ReadAllBytes(file));
        }

        Refused(bytes[..^1], "truncated");
        Refused([], "");
        Refused([.. bytes[..^1], (byte)(bytes[^1] ^ 1)], "damaged");
        using var adapter = Small.Slvt();
        adapter.SaveAdapter(folder.File("adapter.safetensors"));
        Refused(File.ReadAllBytes(folder.File("adapter.safetensors")), "is not the file of a training run");
        Refused(File.ReadAllBytes(folder.File("adapter.safetensors")), "MappedModel.LoadAdapter or AdapterHost.Add reads it");
        Assert.Throws<ArgumentException>(() => new Trainer(adapter).Fit(data, resumeFile: " "));
    }
}
