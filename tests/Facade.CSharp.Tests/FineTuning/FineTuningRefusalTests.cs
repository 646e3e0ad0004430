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
        { "strength of NaN", "strength", "from 1E-30 to 1E+30" },
        { "groups beyond files", "strength", "from 1E-30 to 1E+30" },
        { "low rank below files", "strength", "from 1E-30 to 1E+30" },
        { "a budget below files", "strength", "from 1E-30 to 1E+30" },
        { "a mapping beyond files", "strength", "from 1E-30 to 1E+30" },
        { "scales below files", "strength", "from 1E-30 to 1E+30" },
        { "a head beyond files", "headStrength", "from 1E-30 to 1E+30" },
        { "gates beyond files", "strength", "from 1E-30 to 1E+30" },
        { "a gain that the strength carries beyond files", "strength", "The gain is 1E+40" },
        { "scales that the strength carries below files", "strength", "The scale of a tensor is " },
        { "grouping of no kind", "grouping", "no such grouping" },
        { "pattern of nothing", "layers", "'fc9' chooses nothing of 'small-classifier', which has [fc1.weight, fc1.bias" },
        { "no pattern", "patterns", "'all' chooses every layer" },
        { "head of nothing", "patterns", "'head' chooses nothing" },
        { "head of no kind", "training", "no such way" },
        { "another network", "pretrained", "'fc1.weight' has the shape (14, 4)" },
        { "another network's names", "pretrained", "There is no 'fc3.weight' in the model of 'small-classifier'; 'deeper' needs fc3.weight(3, 3)" },
        { "a custom modulation", "describe", "no linear or custom modulation" },
        { "rank of 0", "rank", "1" },
        { "budget of 0", "budget", "1" },
        { "budget that buys nothing", "budget", "Rank 1 of the smallest chosen matrix takes 17 parameters" },
        { "no matrix", "layers", "have no matrix" },
        { "two ways for a tensor", "layers", "'fc1.weight' would be changed by LowRank and by Groups" },
        { "two ways for all", "layers", "'fc1.weight' would be changed by Groups and by LowRank" },
        { "whole weights and groups", "layers", "'fc2.weight' would be changed by WholeWeights and by Groups" },
        { "layers that nothing reads", "layers", "would have no effect" },
        { "groups of the direct head", "layers", "Groups has nothing to change" },
        { "a mapped head that nothing moves", "training", "[fc2.weight, fc2.bias] is to be moved like the other layers, but nothing" },
        { "a direct head that is not new", "training", "WithNewHead would have no effect: the last layer has the shape of the pretrained one" },
        { "a mapped head that is not new", "training", "WithNewHead would have no effect" },
        { "streaming inside the steps", "describe", "Streamed() inside the steps of Mapping would have no effect; say it after them" },
        { "a bias on top", "describe", "leave WithBias and StartingWithin out" },
        { "a start on top", "describe", "leave WithBias and StartingWithin out" },
        { "steps of another network", "describe", "another network" },
        { "steps of null", "describe", "must give the description" },
        { "a layer-wise split of a part", "latents", "in this order, [fc2]" },
        { "flat of another length", "theta", "(114); 'small-classifier' has (115)" },
        { "flat with NaN", "theta", "not finite" },
        { "flat of integers", "theta", "must be floats" },
        { "flat with another network's buffers", "state", "The state is another network's" },
        { "direct layers of nothing", "layers", "'x' chooses nothing" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_wrong_step_is_refused_by_name(string what, string argument, string message)
    {
        using var scope = NewDisposeScope();
        var target = Small.Classifier();
        var start = FineTuning.Of(target, pretrained);
        Func<object> wrong = what switch
        {
            "no weights" => () => FineTuning.Of(target, null!),
            "no latent" => () => start.Groups(0),
            "too many latents" => () => start.Groups(24, groupSize: 5).Build(),
            "too many for the layer" => () => start.Groups(46, layers: ["fc2"]).Build(),
            "too many beside a head" => () => start.Groups(71).WithNewHead(HeadTraining.Direct, "fc2").Build(),
            "empty groups" => () => start.Groups(3, groupSize: 0),
            "strength of NaN" => () => start.Groups(3, strength: double.NaN),
            "groups beyond files" => () => start.Groups(3, strength: 1e31),
            "low rank below files" => () => start.LowRank(1, strength: 1e-31),
            "a budget below files" => () => start.LowRankWithin(40, strength: 1e-31),
            "a mapping beyond files" => () => start.Mapping(mapping => mapping, strength: 1e31),
            "scales below files" => () => start.Scales(strength: 1e-31),
            "a head beyond files" => () => start.Scales(headStrength: 1e31),
            "gates beyond files" => () => start.Gates(strength: double.PositiveInfinity),
            "a gain that the strength carries beyond files" => () => start.Mapping(mapping => mapping.WithGain(1e20), strength: 1e20).Build(),
            "scales that the strength carries below files" => () => start.Scales(strength: 1e-30).Build(),
            "grouping of no kind" => () => start.Groups(3, grouping: (WeightGrouping)9),
            "pattern of nothing" => () => start.Groups(3, layers: ["fc1", "fc9"]),
            "no pattern" => () => start.Groups(3).Layers(),
            "head of nothing" => () => start.Groups(3).WithNewHead(HeadTraining.Direct, "head"),
            "head of no kind" => () => start.Groups(3).WithNewHead((HeadTraining)9),
            "another network" => () =>
                FineTuning.Of(TargetNetwork.Input(5).Linear(14).Linear(3).Build("five"), pretrained).Groups(3).Build(),
            "another network's names" => () =>
                FineTuning.Of(TargetNetwork.Input(4).Linear(14).Linear(3).Linear(3).Build("deeper"), pretrained).Groups(3).Build(),
            "a custom modulation" => () => start.Mapping(mapping => mapping.SingleLatent(3).WithModulation("mine", z => zeros(115, 3))).Build(),
            "rank of 0" => () => start.LowRank(0),
            "budget of 0" => () => start.LowRankWithin(0),
            "budget that buys nothing" => () => start.LowRankWithin(16).Build(),
            "no matrix" => () => start.LowRank(1).Layers("*.bias").Build(),
            "two ways for a tensor" => () => start.LowRank(1, layers: ["fc1"]).Groups(3, layers: ["fc1", "fc2.bias"]).Build(),
            "two ways for all" => () => start.Groups(3).LowRank(1).Build(),
            "whole weights and groups" => () => start.WholeWeights("fc2").Groups(3, layers: ["fc*.weight"]).Build(),
            "layers that nothing reads" => () => start.Groups(3, layers: ["fc1"]).Layers("fc2").Build(),
            "groups of the direct head" => () => start.Groups(3, layers: ["fc2"]).WithNewHead(HeadTraining.Direct, "fc2").Build(),
            "a mapped head that nothing moves" => () => start.Groups(3, layers: ["fc1"]).WithNewHead(HeadTraining.Mapped, "fc2").Build(),
            "a direct head that is not new" => () => start.Groups(3).WithNewHead(HeadTraining.Direct).Build(),
            "a mapped head that is not new" => () => start.Groups(3).WithNewHead(HeadTraining.Mapped).Build(),
            "streaming inside the steps" => () => start.Mapping(mapping => mapping.SingleLatent(8).Streamed()).Build(),
            "a bias on top" => () => start.Mapping(mapping => mapping.WithBias(MappingBias.Uniform)).Build(),
            "a start on top" => () => start.Mapping(mapping => mapping.StartingWithin(1)).Build(),
            "steps of another network" => () => start.Mapping(_ => MappingNetwork.For(target), layers: ["fc1"]).Build(),
            "steps of null" => () => start.Mapping(_ => null!).Build(),
            "a layer-wise split of a part" => () => start.Mapping(mapping => mapping.LayerWise(("fc1", 3), ("fc2", 3)), layers: ["fc2"]).Build(),
            "flat of another length" => () => PretrainedWeights.FromFlat(target, zeros(114)),
            "flat with NaN" => () => PretrainedWeights.FromFlat(target, full(115, float.NaN)),
            "flat of integers" => () => PretrainedWeights.FromFlat(target, zeros(115, int64)),
            "flat with another network's buffers" => () => PretrainedWeights.FromFlat(target, zeros(115), Targets.ResNet20().CreateState()),
            "direct layers of nothing" => () => start.WholeWeights("x"),
            _ => throw new InvalidOperationException(what),
        };

        var refusal = Assert.ThrowsAny<ArgumentException>(() => { wrong(); });

        Assert.Equal(argument, refusal.ParamName);
        Assert.Contains(message, refusal.Message);
    }
}
