using TorchSharp;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The three rules of trained coefficients on CNN2, whose terms differ by orders of magnitude, after 500 steps.</summary>
public sealed class LossBalanceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("balanced")]
    [InlineData("bounded")]
    [InlineData("plain")]
    public void After_500_steps_on_CNN2_balanced_contributions_lie_within_a_decade_and_no_others(string rule)
    {
        using var scope = NewDisposeScope();
        var (complete, terms) = (LossOptions.Complete, LossOptions.TaskOnly);
        LossCoefficient Of(LossCoefficient balanced) => rule switch
        {
            "balanced" => balanced,
            "bounded" => LossCoefficient.Bounded(balanced.Value),
            _ => LossCoefficient.Plain(balanced.Value),
        };
        var loss = terms.WithStability(Of(complete.Stability)).WithSmoothness(Of(complete.Smoothness)).WithAlignment(Of(complete.Alignment));
        var images = Core.MappingLoss.noise(Core.CounterHash.ofSeed(3), 0, 1, zeros(10 * 784)).view(10, 1, 28, 28);
        using var data = Dataset.FromTensors(images, arange(10), [.. Enumerable.Range(0, 10).Select(label => $"{label}")]);
        // The mapping of the loss ablation: with the identity and no modulation smoothness is a constant.
        using var model = MappingNetwork.For(Targets.Cnn2()).SingleLatent(2048)
            .WithActivation(MappingActivation.Tanh).WithAdditiveModulation(3e-5).WithGain(2).WithSeed(1).Build();

        var last = new Trainer(model, new() { Epochs = 250, BatchSize = 5, LearningRate = 0.02, Schedule = LearningRateSchedule.Constant, Loss = loss })
            .Fit(data).History[^1];

        var contributions = last.Terms.Keys.Select(name => last.Terms[name] * last.Coefficients[name]).ToArray();
        foreach (var name in last.Terms.Keys)
            output.WriteLine(FormattableString.Invariant(
                $"{rule}, {name}: term {last.Terms[name]:G3}, coefficient {last.Coefficients[name]:G3}, product {last.Terms[name] * last.Coefficients[name]:G3}"));
        Assert.Equal(rule == "balanced", contributions.Max() / contributions.Min() < 10);
        if (rule == "balanced")
            Assert.All(contributions, contribution => Assert.InRange(contribution, 0.01 / 5, 0.01 * 5));
    }
}
