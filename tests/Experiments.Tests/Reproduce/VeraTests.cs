using MappingNets.Experiments.Rivals.FineTuning;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>VeRA's vectors with a rate of their own.</summary>
public sealed class VeraTests
{
    [Fact]
    public void A_pace_moves_the_weights_so_many_times_as_far_and_is_part_of_what_a_run_is_told_by()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(40).Linear(60, name: "body").Tanh().Linear(3, name: "head").Build("forty");
        using var start = DirectModel.For(target, seed: 1);
        using var pretrained = PretrainedWeights.Of(start);
        using var usual = Vera.Build(target, pretrained, "head", 8, seed: 2);
        using var paced = Vera.Build(target, pretrained, "head", 8, seed: 2, pace: 32);

        Assert.Equal(Small.Bits(start.FlatWeights()), Small.Bits(paced.FlatWeights()));
        // As committed reports have it.
        Assert.Equal("shared factors, rank 8", usual.FixedWeightsName);
        Assert.Equal("shared factors, rank 8, b times 32", paced.FixedWeightsName);
        Assert.InRange(Change(paced, start) / Change(usual, start), 31.9, 32.1);
    }

    // How far the weights are after a step of b's of 0.05.
    private static double Change(GeneratedModel model, DirectModel start)
    {
        using (no_grad())
            model.named_parameters().Single(pair => pair.name == "b").parameter.fill_(0.05);
        return (model.FlatWeights() - start.FlatWeights()).square().sum().sqrt().item<float>();
    }
}
