using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Splits by the first gradients that cannot be made, under the names of what was given.</summary>
public sealed class SplitByGradientTests : IDisposable
{
    private readonly TargetNetwork target = TargetNetwork.Input(4).Linear(5).Tanh().Linear(3).Build("split");
    private readonly PretrainedWeights pretrained;

    public SplitByGradientTests()
    {
        using var model = DirectModel.For(target, seed: 4);
        pretrained = PretrainedWeights.Of(model);
    }

    public void Dispose() => pretrained.Dispose();

    [Fact]
    public void Fewer_parameters_than_layers_are_refused_as_the_parameters_that_they_are()
    {
        using var scope = NewDisposeScope();

        var refusal = Assert.Throws<ArgumentOutOfRangeException>("parameters", () => Build(1, y => y.sum()));

        Assert.Contains("from 2 latents (one a layer)", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("'split'", refusal.Message, StringComparison.Ordinal);
        using var enough = Build(2, y => y.sum());
        Assert.Equal(2, enough.TrainableCount);
    }

    [Fact]
    public void A_loss_whose_gradient_shares_nothing_out_is_refused_as_the_loss()
    {
        using var scope = NewDisposeScope();

        var flat = Assert.Throws<ArgumentException>("loss", () => Build(10, y => (y * 0).sum()));
        // The root of 0 is 0, and its slope is infinite.
        var steep = Assert.Throws<ArgumentException>("loss", () => Build(10, y => (y * 0).sum().sqrt()));

        Assert.Contains("the gradient 0", flat.Message, StringComparison.Ordinal);
        Assert.Contains("not finite", steep.Message, StringComparison.Ordinal);
    }

    private FineTunedModel Build(int parameters, Func<Tensor, Tensor> loss) =>
        FineTuning.Of(target, pretrained).Scales(parameters).SplitByGradient([ones(6, 4)], loss).Build();
}
