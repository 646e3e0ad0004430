using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A small pretrained network and models fine-tuned from it in every way.</summary>
internal static class FineTuned
{
    public static readonly string[] Ways =
    [
        "groups", "hashed groups of 3", "some layers", "mapping", "mapping with scales", "lora", "new head", "mapped head", "whole weights",
        "some whole weights", "lora and groups and a whole head", "two mappings",
        "scales", "scales and lora", "gates and scales",
    ];

    /// <summary>The small classifier's weights after some training: 115 numbers.</summary>
    public static PretrainedWeights Pretrained(ulong seed = 2)
    {
        using var data = Small.Classes();
        using var model = DirectModel.For(Small.Classifier(), seed);
        new Trainer(model, new() { Epochs = 2, LearningRate = 0.02 }).Fit(data);
        return PretrainedWeights.Of(model);
    }

    public static FineTunedModel Build(string way, PretrainedWeights pretrained)
    {
        var start = FineTuning.Of(Small.Classifier(), pretrained).WithSeed(6);
        return way switch
        {
            "groups" => start.Groups(40).Build(),
            "hashed groups of 3" => start.Groups(30, groupSize: 3, strength: 0.7, grouping: WeightGrouping.Hashed).Build(),
            "some layers" => start.Groups(12, layers: ["fc2"]).Build(),
            "mapping" =>
                start.Mapping(mapping => mapping.SingleLatent(12).WithFixedWeights(FixedWeightsKind.Hadamard).WithAdditiveModulation(0.01)).Build(),
            "mapping with scales" => start.Mapping(mapping => mapping.LayerWise(12).WithTrainableScales()).Build(),
            "lora" => start.LowRank(2, strength: 0.5).Build(),
            "new head" => start.Groups(20).WithNewHead(HeadTraining.Direct, "fc2").Build(),
            "mapped head" => start.Groups(50).WithNewHead(HeadTraining.Mapped, "fc2").Build(),
            "whole weights" => start.WholeWeights().Build(),
            "some whole weights" => start.WholeWeights("fc2").Build(),
            "lora and groups and a whole head" => start.LowRank(2, layers: ["fc1"]).Groups(14, layers: ["fc1.bias"]).WholeWeights("fc2").Build(),
            "two mappings" => start.Mapping(mapping => mapping.SingleLatent(9), layers: ["fc1"])
                .Mapping(mapping => mapping.SingleLatent(7).WithTrainableScales(), strength: 5, layers: ["fc2"]).Build(),
            "scales" => start.Scales(30, headStrength: 2).Build(),
            "scales and lora" => start.Scales(30).LowRank(1).Build(),
            "gates and scales" => start.Gates(9).Scales(25, headStrength: 2).Build(),
            _ => throw new InvalidOperationException(way),
        };
    }

    /// <summary>The same, after a few steps.</summary>
    public static FineTunedModel Trained(string way, PretrainedWeights pretrained, ulong seed = 3)
    {
        using var data = Small.Classes(24, seed);
        var model = Build(way, pretrained);
        new Trainer(model, new() { Epochs = 3, BatchSize = 8, LearningRate = 0.05, Seed = seed }).Fit(data);
        return model;
    }

    public static float[] Weights(Model model)
    {
        using var weights = model.FlatWeights();
        return Small.Values(weights);
    }

    public static int[] Bits(Func<Tensor> read)
    {
        using var tensor = read();
        return Small.Bits(tensor);
    }
}
