using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class FineTuningRefusalTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();

    public void Dispose() => pretrained.Dispose();

    /// <summary>A wrong step or build, the argument that the refusal names, and what it says.</summary>
    public static TheoryData<string, string, string> Refusals => new()
    {
        { "no weights", "pretrained", "null" },
        { "no latent", "latents", "at least 1" },
        { "too many latents", "latents", "24 latents that move 5 weights each need 120 weights; the chosen layers of 'small-classifier' have 115" },
        { "too many for the layer", "latents", "have 45" },
        { "too many beside a head", "latents", "have 70" },
        { "empty groups", "groupSize", "at least 1" },
        { "strength of NaN", "strength", "positive finite" },
        { "grouping of no kind", "grouping", "no such grouping" },
        { "pattern of nothing", "patterns", "'fc9' chooses nothing of 'small-classifier', which has [fc1.weight, fc1.bias" },
        { "no pattern", "patterns", "'all' chooses every layer" },
        { "head of nothing", "patterns", "'head' chooses nothing" },
        { "head of no kind", "training", "no such way" },
        { "another network", "pretrained", "'fc1.weight' has the shape (14, 4)" },
        { "another network's names", "pretrained", "There is no 'fc3.weight' in the model of 'small-classifier'; 'deeper' needs fc3.weight(3, 3)" },
        { "a custom modulation", "specification", "no linear or custom modulation" },
        { "rank of 0", "rank", "1" },
        { "budget of 0", "numbers", "1" },
        { "budget that buys nothing", "budget", "Rank 1 of the smallest chosen matrix takes 17 numbers" },
        { "no matrix", "layers", "have no matrix" },
        { "flat of another length", "theta", "(114); 'small-classifier' has (115)" },
        { "flat with NaN", "theta", "not finite" },
        { "flat of integers", "theta", "must be floats" },
        { "direct layers of nothing", "layers", "'x' chooses nothing" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_wrong_step_is_refused_by_name(string what, string argument, string message)
    {
        using var scope = NewDisposeScope();
        var target = Small.Classifier();
        var description = MappingNetwork.For(target);
        Func<object> wrong = what switch
        {
            "no weights" => () => description.FineTune(null!, 3),
            "no latent" => () => description.FineTune(pretrained, 0),
            "too many latents" => () => description.FineTune(pretrained, 24, groupSize: 5).Build(),
            "too many for the layer" => () => description.FineTune(pretrained, 46, layers: ["fc2"]).Build(),
            "too many beside a head" => () => description.FineTune(pretrained, 71).WithNewHead(HeadTraining.Direct, "fc2").Build(),
            "empty groups" => () => description.FineTune(pretrained, 3, groupSize: 0),
            "strength of NaN" => () => description.FineTune(pretrained, 3, strength: double.NaN),
            "grouping of no kind" => () => description.FineTune(pretrained, 3, grouping: (WeightGrouping)9),
            "pattern of nothing" => () => description.FineTune(pretrained, 3, layers: ["fc1", "fc9"]),
            "no pattern" => () => description.FineTune(pretrained, 3).Layers(),
            "head of nothing" => () => description.FineTune(pretrained, 3).WithNewHead(HeadTraining.Direct, "head"),
            "head of no kind" => () => description.FineTune(pretrained, 3).WithNewHead((HeadTraining)9),
            "another network" => () =>
                MappingNetwork.For(TargetNetwork.Input(5).Linear(14).Linear(3).Build("five")).FineTune(pretrained, 3).Build(),
            "another network's names" => () =>
                MappingNetwork.For(TargetNetwork.Input(4).Linear(14).Linear(3).Linear(3).Build("deeper")).FineTune(pretrained, 3).Build(),
            "a custom modulation" => () => description.SingleLatent(3).WithModulation("mine", z => zeros(115, 3)).OnTopOf(pretrained),
            "rank of 0" => () => LowRankAdaptation.For(target, pretrained).WithRank(0),
            "budget of 0" => () => LowRankAdaptation.For(target, pretrained).WithBudget(0),
            "budget that buys nothing" => () => LowRankAdaptation.For(target, pretrained).WithBudget(16).Build(),
            "no matrix" => () => LowRankAdaptation.For(target, pretrained).Layers("*.bias").Build(),
            "flat of another length" => () => PretrainedWeights.FromFlat(target, zeros(114)),
            "flat with NaN" => () => PretrainedWeights.FromFlat(target, full(115, float.NaN)),
            "flat of integers" => () => PretrainedWeights.FromFlat(target, zeros(115, int64)),
            "direct layers of nothing" => () => DirectModel.From(target, pretrained, layers: ["x"]),
            _ => throw new InvalidOperationException(what),
        };

        var refusal = Assert.ThrowsAny<ArgumentException>(() => { wrong(); });

        Assert.Equal(argument, refusal.ParamName);
        Assert.Contains(message, refusal.Message);
    }
}
