using MappingNets.Core;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The stability term on a share of a batch: the mean over neighbours whose place is drawn evenly.</summary>
public sealed class StabilityShareTests
{
    private const int Samples = 4;

    [Fact]
    public void It_is_the_mean_over_neighbours_and_every_sample_comes_equally_often()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var model = Small.Slvt();
        var inputs = Small.Uniform(Samples, 4);
        var starts = new int[Samples];
        for (var step = 0; step < 400; step++)
        {
            using var inner = NewDisposeScope();
            var alone = Enumerable.Range(0, Samples).Select(index => Term(model, inputs.narrow(0, index, 1), step, 1)).ToArray();
            var one = Term(model, inputs, step, 0.25);
            var start = First(Samples, step);
            Assert.Equal(alone[start], one, 1e-5 * alone.Max());
            starts[start]++;
            // ceil(0.3 * 4) and ceil(0.6 * 4); the first sample follows the last.
            foreach (var (share, count) in new[] { (0.3, 2), (0.6, 3) })
                Assert.Equal(
                    Enumerable.Range(start, count).Average(index => alone[index % Samples]), Term(model, inputs, step, share), 1e-5 * alone.Max());
        }

        Assert.All(starts, count => Assert.InRange(count, 70, 130));
    }

    [Fact]
    public void A_network_that_keeps_a_state_takes_both_passes_statistics_from_the_same_samples()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var model = MappingNetwork.For(TargetNetwork.Input(4).Linear(8).BatchNorm1d().ReLU().Linear(3).Build("normed")).SingleLatent(24).WithSeed(7).StartingWithin(0.5).Build();
        var inputs = Small.Uniform(6, 4);
        var twice = cat([inputs, inputs], 0);

        var half = Term(model, inputs, 5, 0.5);

        Assert.Equal(Term(model, twice.narrow(0, First(6, 5), 3), 5, 1), half, 1e-5 * half);
    }

    [Fact]
    public void The_buffers_and_the_outputs_are_those_of_the_whole_batch()
    {
        using var scope = NewDisposeScope();
        MappedModel Build() => MappingNetwork.For(TargetNetwork.Input(4).Linear(8).BatchNorm1d().Dropout(0.5).Linear(3).Build("normed")).SingleLatent(24).WithSeed(7).Build();
        using var whole = Build();
        using var quarter = Build();
        var inputs = Small.Uniform(8, 4);
        var expected = whole.Terms([inputs], training: true);

        var terms = quarter.Terms([inputs], training: true);
        terms.Stability(3, share: 0.25).backward();

        Assert.Equal(Small.Bits(expected.Outputs), Small.Bits(terms.Outputs));
        Assert.Equal(Buffers(whole), Buffers(quarter));
        Assert.True(quarter.Trainables[0].grad!.isfinite().all().item<bool>());
        Assert.True(quarter.Trainables[0].grad!.norm().item<float>() > 0);

        static IEnumerable<int[]> Buffers(Model model) => model.State.Tensors.Select(buffer => Small.Bits(buffer.to(float32)));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-0.25)]
    [InlineData(1.25)]
    [InlineData(double.NaN)]
    public void A_share_that_is_none_is_refused(double share)
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();
        Assert.Throws<ArgumentOutOfRangeException>("share", () => LossOptions.Complete.WithStabilityShare(share));
        Assert.Throws<ArgumentOutOfRangeException>("share", () => model.Terms([rand(2, 4)], training: true).Stability(0, share: share));
    }

    [Fact]
    public void The_trainer_uses_it_and_the_default_keeps_its_bits()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        var loss = LossOptions.Complete.WithStabilityShare(0.25);

        Assert.Equal(Trained(LossOptions.Complete), Trained(LossOptions.Complete.WithStabilityShare(1)));
        Assert.NotEqual(Trained(LossOptions.Complete), Trained(loss));
        Assert.Equal(0.25, loss.WithAlignment(LossCoefficient.Off).StabilityShare);
        Assert.NotEqual(LossOptions.Complete, loss);
        Assert.StartsWith("stability balanced from 0.05 at 0.01 on 0.25 of a batch, ", loss.ToString());
        Assert.DoesNotContain("of a batch", LossOptions.Complete.ToString());

        float[] Trained(LossOptions options)
        {
            using var model = Small.Slvt();
            new Trainer(model, new() { Epochs = 2, BatchSize = 8, Loss = options }).Fit(data);
            return Small.State(model);
        }
    }

    private const ulong Seed = 3;

    private static double Term(MappedModel model, Tensor inputs, long step, double share) =>
        model.Terms([inputs], training: true).Stability(step, Seed, deviation: 1, share).item<float>();

    /// <summary>The place of the first neighbour at a step: to find it by its term would take another's that happens to be as large.</summary>
    private static int First(int samples, int step) =>
        (int)CounterHash.below(CounterHash.named("stability-batch", CounterHash.ofSeed(Seed)), (ulong)samples, (ulong)step);
}
