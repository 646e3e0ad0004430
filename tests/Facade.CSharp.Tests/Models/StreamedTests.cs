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
            "tanh" => plain.SingleLatent(48).WithActivation(MappingActivation.Tanh),
            "tanh, additive" => plain.SingleLatent(48).WithActivation(MappingActivation.Tanh).WithAdditiveModulation(0.3),
            "sine, lwt, additive, scales" =>
                plain.LayerWise(160).WithActivation(MappingActivation.Sine).WithAdditiveModulation(0.3).WithTrainableScales(),
            "sine, lwt, scales" => plain.LayerWise(160).WithActivation(MappingActivation.Sine).WithTrainableScales(),
            "scales" => plain.SingleLatent(48).WithTrainableScales(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static float[] Trained(MappingNetwork mapping, Dataset data, TrainingOptions options)
    {
        using var model = mapping.Build();
        new Trainer(model, options).Fit(data);
        return [.. Small.State(model), .. model.State.Tensors.SelectMany(buffer => buffer.to_type(ScalarType.Float32).data<float>())];
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
    [InlineData("mlp", "tanh")]
    [InlineData("cnn", "tanh")]
    [InlineData("mlp", "tanh, additive")]
    [InlineData("transformer", "tanh, additive")]
    [InlineData("transformer", "scales")]
    [InlineData("cnn", "sine, lwt, additive, scales")]
    [InlineData("cnn", "sine, lwt, scales")]
    public void TrainingHasTheBitsOfTheMappingThatHoldsAllWeights(string network, string kind)
    {
        var target = Network(network);
        using var data = Data(target);
        var options = new TrainingOptions { Epochs = 3, BatchSize = 20, Seed = 2, Loss = LossOptions.Complete };
        var mapping = Mapping(kind, target);
        Assert.Equal(Trained(mapping, data, options), Trained(mapping.Streamed(), data, options));
    }

    [Theory]
    [InlineData("mlp", "tanh")]
    [InlineData("resnet", "lwt")]
    [InlineData("transformer", "scales")]
    public void ARunIsToldFromOthersLayerByLayerAsByAllWeights(string network, string kind)
    {
        using var scope = NewDisposeScope();
        var target = Network(network);
        using var held = Mapping(kind, target).Build();
        using var streamed = Mapping(kind, target).Streamed().Build();
        Pruning.ToShare(held, 0.9);
        Pruning.ToShare(streamed, 0.9);

        Assert.Equal(Small.Bits(RunIdentity.Probe(held)), Small.Bits(RunIdentity.Probe(streamed)));
        Assert.Equal(new Distillation([held]).Describe(), new Distillation([streamed]).Describe());
    }

    [Theory]
    [InlineData("cnn", "sine, lwt, scales")]
    [InlineData("mlp", "hadamard")]
    public void TheWayOfOtherDevicesHasTheSameBits(string network, string kind)
    {
        // There is no other device here: the CPU takes the way that copies each layer's weights and gradients.
        var target = Network(network);
        using var data = Data(target);
        int[] Bits(Action<MappedModel> prepare)
        {
            using var scope = NewDisposeScope();
            using var model = Mapping(kind, target).Streamed().Build();
            prepare(model);
            new Trainer(model, new() { Epochs = 2, BatchSize = 20, Seed = 2 }).Fit(data);
            Pruning.ToShare(model, 0.5);
            new Trainer(model, new() { Epochs = 1, BatchSize = 20, Seed = 3 }).Fit(data);
            return [.. model.state_dict().Values.SelectMany(tensor => Small.Bits(tensor.detach().to(ScalarType.Float32))), .. Small.Bits(model.Predict(ones([2, .. target.InputShape])))];
        }

        var expected = Bits(_ => { });
        Assert.Equal(expected, Bits(model => model.LayerByLayer!.CopyAsForDevices()));
        Assert.Equal(expected, Bits(model => model.LayerByLayer!.MoveTo(CPU)));
    }

    [Fact]
    public void PredictionsAndWeightsHaveTheBitsOfTheMappingThatHoldsAllWeights()
    {
        using var scope = NewDisposeScope();
        var target = Network("transformer");
        var mapping = Mapping("slvt", target).StartingWithin(0.5);
        using var plain = mapping.Build();
        using var streamed = mapping.Streamed().Build();
        var input = linspace(-1, 1, 3 * 64, dtype: float32).reshape(3, 1, 8, 8);

        Assert.True(streamed.IsStreamed);
        Assert.False(plain.IsStreamed);
        Assert.Equal(Small.Bits(plain.Predict(input)), Small.Bits(streamed.Predict(input)));
        Assert.Equal(Small.Bits(plain.FlatWeights()), Small.Bits(streamed.FlatWeights()));
    }

    [Fact]
    public void AnAdapterDoesNotTellTheTwoApart()
    {
        using var folder = new TemporaryFolder();
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithSeed(7).StartingWithin(0.5);
        using var plain = mapping.Build();
        using var streamed = mapping.Streamed().Build();
        plain.SaveAdapter(folder.File("plain.safetensors"));
        streamed.SaveAdapter(folder.File("streamed.safetensors"));

        Assert.Equal(File.ReadAllBytes(folder.File("plain.safetensors")), File.ReadAllBytes(folder.File("streamed.safetensors")));
        using var loaded = MappedModel.LoadAdapter(folder.File("plain.safetensors"), Small.Classifier(), streamed: true);
        Assert.True(loaded.IsStreamed);
        using var input = linspace(-1, 1, 12, dtype: float32).reshape(3, 4);
        using var expected = plain.Predict(input);
        using var outputs = loaded.Predict(input);
        Assert.Equal(Small.Bits(expected), Small.Bits(outputs));
    }

    [Fact]
    public void APrunedModelTrainsOnWithTheSameBits()
    {
        using var data = Small.Classes();
        float[] Pruned(MappingNetwork mapping)
        {
            using var model = mapping.Build();
            Pruning.ToShare(model, 0.4);
            new Trainer(model, new() { Epochs = 2, Seed = 1 }).Fit(data);
            return [.. Small.State(model), .. Small.Values(model.FlatWeights())];
        }

        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithSeed(7);
        var expected = Pruned(mapping);
        Assert.Contains(0f, expected);
        Assert.Equal(expected, Pruned(mapping.Streamed()));
    }

    [Fact]
    public void SeveralThreadsMayPredict()
    {
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(24).StartingWithin(0.5).Streamed().Build();
        using var input = linspace(-1, 1, 400, dtype: float32).reshape(100, 4);
        using var expected = model.Predict(input);
        var bits = Small.Bits(expected);
        Parallel.For(0, 64, _ =>
        {
            using var outputs = model.Predict(input);
            Assert.Equal(bits, Small.Bits(outputs));
        });
    }

    [Fact]
    public void ASecondDerivativeIsNoNumber()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(24).StartingWithin(0.5).Streamed().Build();
        var loss = model.call(ones(2, 4)).square().sum();
        var gradient = autograd.grad([loss], [model.Latent], create_graph: true)[0];
        Assert.All(Small.Values(gradient), number => Assert.Equal(float.NaN, number));
    }

    [Fact]
    public void AnAdapterThatCannotBeStreamedIsRefusedByName()
    {
        using var folder = new TemporaryFolder();
        using (var dense = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithFixedWeights(FixedWeightsKind.Dense).Build())
            dense.SaveAdapter(folder.File("dense.safetensors"));
        Assert.Contains(
            "cannot be streamed",
            Assert.Throws<ArgumentException>("streamed", () => MappedModel.LoadAdapter(folder.File("dense.safetensors"), Small.Classifier(), streamed: true)).Message);
    }

    [Theory]
    [InlineData("linear modulation", "a modulation")]
    [InlineData("dense", "fixed weights")]
    [InlineData("low rank", "has matrices that are products of two factors")]
    public void WhatNeedsAllWeightsAtOnceIsRefusedByName(string what, string reason)
    {
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24).Streamed();
        var description = what switch
        {
            "linear modulation" => mapping.WithLinearModulation(ones(115, 24, 24)),
            "dense" => mapping.WithFixedWeights(FixedWeightsKind.Dense),
            _ => mapping.LowRank("fc1", 2),
        };
        Assert.Contains(reason, Assert.Throws<ArgumentException>(() => description.Build()).Message);
    }
}
