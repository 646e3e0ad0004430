using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Models;

public sealed class StreamedTests
{
    private const int Classes = 4;

    /// <summary>A network of each kind of layer, with the shape of its input.</summary>
    private static TargetNetwork Network(string name) => name switch
    {
        "cnn" => TargetNetwork.Input(1, 12, 12).Conv2d(5, kernel: 3).ReLU().MaxPool2d(2).Conv2d(7, kernel: 3).ReLU().Flatten().Linear(19).ReLU().Linear(Classes).Build("cnn"),
        "resnet" => Targets.ResNet32(Classes, channels: 1, side: 8),
        "transformer" => Targets.VisionTransformer(Classes, side: 8, patch: 4, channels: 1, features: 16, depth: 2, heads: 2),
        "lstm" => TargetNetwork.Input(6, 5).Lstm(9).Linear(Classes).Build("lstm"),
        "mlp" => TargetNetwork.Input(30).Linear(70).BatchNorm1d().Tanh().Dropout(0.3).Linear(33).LayerNorm().Gelu().Linear(Classes).Build("mlp"),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    private static Dataset Data(TargetNetwork target)
    {
        using var generator = new Generator(3);
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(
            randn([60, .. target.InputShape], generator: generator), randint(0, Classes, 60, generator: generator), [.. "abcd".Select(letter => letter.ToString())]);
    }

    private static MappingNetwork Mapping(string kind, TargetNetwork target)
    {
        var plain = MappingNetwork.For(target).WithSeed(5);
        return kind switch
        {
            "slvt" => plain.SingleLatent(96),
            "hadamard" => plain.SingleLatent(64).WithFixedWeights(FixedWeightsKind.Hadamard),
            "lwt" => plain.LayerWise(160),
            "additive" => plain.SingleLatent(48).WithAdditiveModulation(0.3),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static float[] Trained(MappingNetwork mapping, Dataset data, TrainingOptions options)
    {
        using var model = mapping.Build();
        new Trainer(model, options).Fit(data);
        return [.. model.Latent.data<float>(), .. model.State.Tensors.SelectMany(buffer => buffer.to_type(ScalarType.Float32).data<float>())];
    }

    [Theory]
    [InlineData("cnn", "slvt")]
    [InlineData("cnn", "hadamard")]
    [InlineData("cnn", "lwt")]
    [InlineData("cnn", "additive")]
    [InlineData("resnet", "slvt")]
    [InlineData("transformer", "slvt")]
    [InlineData("transformer", "lwt")]
    [InlineData("lstm", "slvt")]
    [InlineData("mlp", "hadamard")]
    [InlineData("mlp", "additive")]
    public void TrainingHasTheBitsOfTheMappingThatHoldsAllWeights(string network, string kind)
    {
        var target = Network(network);
        using var data = Data(target);
        var options = new TrainingOptions { Epochs = 3, BatchSize = 20, Seed = 2, Loss = LossOptions.Complete };
        var mapping = Mapping(kind, target);
        Assert.Equal(Trained(mapping, data, options), Trained(mapping.Streamed(), data, options));
    }
}
