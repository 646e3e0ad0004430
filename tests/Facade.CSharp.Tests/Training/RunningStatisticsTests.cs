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
