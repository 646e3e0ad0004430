using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Running statistics stay finite or end the training; a user's own module is held to it as the builder's layers are.</summary>
public sealed class RunningStatisticsTests
{
    /// <summary>A linear layer, one that keeps statistics of eight channels, and another linear layer.</summary>
    private sealed class Normalised : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> first = nn.Linear(4, 8), norm, last = nn.Linear(8, 3);

        public Normalised(nn.Module<Tensor, Tensor> norm)
            : base("Normalised")
        {
            this.norm = norm;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => last.call(norm.call(first.call(input).unsqueeze(-1)).squeeze(-1));
    }

    private static bool AreFinite(Model model) =>
        model.State.Tensors.All(values => !values.is_floating_point() || values.isfinite().all().item<bool>());

    [Theory]
    [InlineData("fine-tuned", null, false)]
    [InlineData("fine-tuned", true, false)]
    [InlineData("fine-tuned", false, true)]
    [InlineData("direct", null, true)]
    [InlineData("direct", true, false)]
    [InlineData("mapped", true, false)]
    public void Frozen_statistics_stay_and_training_computes_with_them(string kind, bool? frozen, bool moves)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.Input(4).Linear(6).BatchNorm1d().ReLU().Linear(3).Build("normalised");
        using var direct = DirectModel.For(target, seed: 3);
        direct.State["bn1.running_mean"].fill_(0.25f);
        using var pretrained = PretrainedWeights.Of(direct);
        using Model model = kind switch
        {
            "fine-tuned" => FineTuning.Of(target, pretrained).Scales(8).Build(),
            "direct" => DirectModel.For(target, seed: 3),
            _ => MappingNetwork.For(target).SingleLatent(8).Build(),
        };
        using var data = Small.Classes(32);
        var start = Small.Values(model.State["bn1.running_mean"]);
        var before = Evaluation.Of(model, data).Loss;
        var options = new TrainingOptions { Epochs = 1, BatchSize = 32, FrozenStatistics = frozen };

        var report = new Trainer(model, options)
            .Fit(data, resumeFile: folder.File("run.safetensors"));

        Assert.Equal(moves, !start.SequenceEqual(Small.Values(model.State["bn1.running_mean"])));
        // The loss of the only step is that of the evaluation before it.
        Assert.Equal(!moves, Math.Abs(before - report.History[0].TrainingLoss) < 1e-5);
        var other = Assert.Throws<CheckpointFormatException>(() =>
            new Trainer(model, options with { FrozenStatistics = moves }).Fit(data, resumeFile: folder.File("run.safetensors")));
        Assert.Contains("running statistics", other.Message, StringComparison.Ordinal);
    }

    /// <summary>A module with a dropout that leaves nothing, and a registered mask, which is no statistic of batches.</summary>
    private sealed class Masked : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> first = nn.Linear(4, 64), dropout = nn.Dropout(1), last = nn.Linear(64, 3, hasBias: false);
        private readonly Tensor mask = ones(64);

        public Masked()
            : base("Masked")
        {
            register_buffer("mask", mask);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => last.call(dropout.call(first.call(input).relu()) * get_buffer("mask")!);
    }

    [Fact]
    public void A_buffer_that_is_no_statistic_leaves_dropout_on_in_fine_tuning()
    {
        using var scope = NewDisposeScope();
        using var target = TargetNetwork.From(new Masked(), randn(4, 4));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(8).Build();
        using var data = Small.Classes(32);

        var report = new Trainer(model, new() { Epochs = 1, BatchSize = 32 }).Fit(data);

        // Nothing reaches the last layer, whatever was drawn, so that the three classes are equally likely.
        Assert.Equal(Math.Log(3), report.History[0].TrainingLoss, 1e-5);
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(2, 1)]
    public void A_batch_of_one_sample_leaves_the_running_statistics_of_a_module_as_they_are(int count, int batch)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var target = TargetNetwork.From(new Normalised(nn.BatchNorm1d(8)), randn(4, 4));
        using var model = MappingNetwork.For(target).SingleLatent(6).StartingWithin(1).Build();
        using var data = Small.Classes(count);
        var start = Small.Values(model.State.Tensors[1]);

        new Trainer(model, new() { Epochs = 1, BatchSize = batch }).Fit(data);

        Assert.True(AreFinite(model));
        // Two samples together move them, single ones do not.
        Assert.Equal(batch == 1, start.SequenceEqual(Small.Values(model.State.Tensors[1])));
        model.SaveAdapter(folder.File("it.safetensors"));
        MappedModel.LoadAdapter(folder.File("it.safetensors"), target).Dispose();
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void A_batch_of_one_sample_moves_them_where_it_has_several_values_for_each_channel(int side, bool moves)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(3, side, side).BatchNorm2d().Flatten().Linear(2).Build("normed");
        using var model = DirectModel.For(target, seed: 3);
        var start = Small.Values(model.State["bn1.running_mean"]);

        model.call(Small.Uniform(1, 3, side, side) + 1);

        Assert.Equal(moves, !start.SequenceEqual(Small.Values(model.State["bn1.running_mean"])));
        Assert.True(AreFinite(model));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_loop_of_ones_own_leaves_pretrained_statistics_alone_in_evaluation_mode_only(bool isTraining)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(4).Linear(6).BatchNorm1d().ReLU().Linear(3).Build("normalised");
        using var direct = DirectModel.For(target, seed: 3);
        using var pretrained = PretrainedWeights.Of(direct);
        using var model = FineTuning.Of(target, pretrained).Scales(8).Build();
        using var data = Small.Classes(32);
        if (!isTraining)
            model.eval();

        model.call(data.Inputs).sum().backward();

        Assert.Equal(!isTraining, Small.Bits(direct.State["bn1.running_mean"]).SequenceEqual(Small.Bits(model.State["bn1.running_mean"])));
    }

    [Fact]
    public void Statistics_that_become_no_numbers_stop_the_training_at_that_step_and_are_named()
    {
        using var scope = NewDisposeScope();
        // One place a channel and sample: its variance is not a number, however many samples there are.
        using var target = TargetNetwork.From(new Normalised(nn.InstanceNorm1d(8, track_running_stats: true)), randn(4, 4));
        using var model = MappingNetwork.For(target).SingleLatent(6).StartingWithin(1).Build();
        using var data = Small.Classes(6);

        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(model, new() { Epochs = 1, BatchSize = 3 }).Fit(data));

        Assert.Equal((0, "buffer 'norm.running_var'"), (stop.Step, stop.Term));
        Assert.Contains("needs more than one value of each channel", stop.Message);
        Assert.DoesNotContain("learning rate", stop.Message);
        Assert.True(AreFinite(model));
    }
}
