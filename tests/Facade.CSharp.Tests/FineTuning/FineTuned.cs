using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A small pretrained network and models fine-tuned from it in every way.</summary>
internal static class FineTuned
{
    public static readonly string[] Ways = ["groups", "hashed groups of 3", "some layers", "mapping", "mapping with scales", "lora", "new head", "mapped head"];

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
        var description = MappingNetwork.For(Small.Classifier()).SingleLatent(12).WithSeed(6);
        return way switch
        {
            "groups" => description.FineTune(pretrained, 40).Build(),
            "hashed groups of 3" => description.FineTune(pretrained, 30, groupSize: 3, strength: 0.7, grouping: WeightGrouping.Hashed).Build(),
            "some layers" => description.FineTune(pretrained, 12, layers: ["fc2"]).Build(),
            "mapping" => description.WithFixedWeights(FixedWeightsKind.Hadamard).WithAdditiveModulation(0.01).OnTopOf(pretrained).Build(),
            "mapping with scales" => description.LayerWise(12).WithTrainableScales().OnTopOf(pretrained).Build(),
            "lora" => LowRankAdaptation.For(Small.Classifier(), pretrained).WithRank(2).WithStrength(0.5).WithSeed(6).Build(),
            "new head" => description.FineTune(pretrained, 20).WithNewHead(HeadTraining.Direct, "fc2").Build(),
            "mapped head" => description.FineTune(pretrained, 50).WithNewHead(HeadTraining.Mapped, "fc2").Build(),
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
        using var weights = model.Weights();
        return Small.Values(weights);
    }

    public static int[] Bits(Func<Tensor> read)
    {
        using var tensor = read();
        return Small.Bits(tensor);
    }
}
