using TorchSharp;
using Xunit;
using static MappingNets.Targets;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ZooTests
{
    public static TheoryData<Func<TargetNetwork>, long> Counts => new()
    {
        { () => Cnn1(), 537_994 },
        { () => Cnn2(), 108_618 },
        { () => Cnn1ForFeatures(), 1_289_602 },
        { () => Cnn2ForFeatures(), 406_594 },
        { () => Cnn3(), 1_734_803 },
        { () => Lstm(), 12_961 },
        { () => LstmTwoLayers(), 12_961 },
        { () => Mlp(), 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10 },
        { () => ResNet18(), 11_689_512 },
        { () => ResNet18(10, ResNetStem.Cifar), 11_173_962 },
        { () => ResNet20(), 272_474 },
        { () => ResNet32(), 466_906 },
        { () => ResNet50(), 25_557_032 },
        { () => Vgg19(), 143_667_240 },
        // Patches, class token and positions, six blocks, the last norm and the head.
        { () => VisionTransformer(), 9_408 + 192 + 12_480 + 6 * (768 + 148_224 + 295_872) + 384 + 1_930 },
        // Tokens' and positions' vectors, four blocks, the last norm and the scores.
        { () => Decoder(), 50_257 * 128 + 128 * 128 + 4 * (512 + 66_048 + 131_712) + 256 + 50_257 * 128 },
    };

    [Theory]
    [MemberData(nameof(Counts))]
    public void Every_network_has_its_exact_number_of_weights(Func<TargetNetwork> make, long count) =>
        Assert.Equal(count, make().ParameterCount);

    [Fact]
    public void Names_and_shapes_are_torchvisions()
    {
        var resnet18 = ResNet18().Parameters.Concat<object>(ResNet18().Buffers).Select(tensor => tensor.ToString()).ToHashSet();
        string[] some =
        [
            "conv1.weight(64, 3, 7, 7)", "bn1.bias(64)", "bn1.running_mean(64)", "bn1.num_batches_tracked()",
            "layer1.0.conv1.weight(64, 64, 3, 3)", "layer1.1.bn2.running_var(64)", "layer2.0.downsample.0.weight(128, 64, 1, 1)",
            "layer2.0.downsample.1.running_mean(128)", "layer4.1.conv2.weight(512, 512, 3, 3)", "fc.weight(1000, 512)", "fc.bias(1000)",
        ];
        Assert.Empty(some.Except(resnet18!));
        // 62 weights and, for each of 20 batch norms, 3 buffers.
        Assert.Equal(62 + 60, resnet18.Count);

        var resnet50 = ResNet50().Parameters.Select(tensor => tensor.ToString()).ToHashSet();
        Assert.Contains("layer1.0.downsample.0.weight(256, 64, 1, 1)", resnet50);
        Assert.Contains("layer4.2.conv3.weight(2048, 512, 1, 1)", resnet50);
        Assert.Equal(161, resnet50.Count);

        var vgg = Vgg19().Parameters.Select(tensor => tensor.Name).ToArray();
        Assert.Equal(
            new[] { 0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34 }.Select(place => $"features.{place}.weight")
                .Concat(["classifier.0.weight", "classifier.3.weight", "classifier.6.weight"]),
            vgg.Where(name => name.EndsWith("weight")));

        var transformer = VisionTransformer(depth: 1).Parameters.Select(tensor => tensor.ToString());
        Assert.Equal(
            [
                "conv_proj.weight(192, 3, 4, 4)", "conv_proj.bias(192)", "class_token(1, 1, 192)", "encoder.pos_embedding(1, 65, 192)",
                "encoder.layers.encoder_layer_0.ln_1.weight(192)", "encoder.layers.encoder_layer_0.ln_1.bias(192)",
                "encoder.layers.encoder_layer_0.self_attention.in_proj_weight(576, 192)",
                "encoder.layers.encoder_layer_0.self_attention.in_proj_bias(576)",
                "encoder.layers.encoder_layer_0.self_attention.out_proj.weight(192, 192)",
                "encoder.layers.encoder_layer_0.self_attention.out_proj.bias(192)",
                "encoder.layers.encoder_layer_0.ln_2.weight(192)", "encoder.layers.encoder_layer_0.ln_2.bias(192)",
                "encoder.layers.encoder_layer_0.mlp.0.weight(768, 192)", "encoder.layers.encoder_layer_0.mlp.0.bias(768)",
                "encoder.layers.encoder_layer_0.mlp.3.weight(192, 768)", "encoder.layers.encoder_layer_0.mlp.3.bias(192)",
                "encoder.ln.weight(192)", "encoder.ln.bias(192)", "heads.head.weight(10, 192)", "heads.head.bias(10)",
            ],
            transformer);

        var decoder = Decoder(vocabulary: 11, length: 5, features: 8, depth: 1, heads: 2).Parameters.Select(tensor => tensor.ToString()).ToArray();
        Assert.Equal(["wte.weight(11, 8)", "wpe(1, 5, 8)", "h.0.ln_1.weight(8)", "h.0.ln_1.bias(8)", "h.0.attn.in_proj_weight(24, 8)"], decoder[..5]);
        Assert.Equal(["h.0.mlp.c_proj.bias(8)", "ln_f.weight(8)", "ln_f.bias(8)", "lm_head.weight(11, 8)"], decoder[^4..]);
    }

    [Fact]
    public void A_decoder_learns_the_next_token_from_labels_of_each_place()
    {
        using var scope = NewDisposeScope();
        // The next token is the sum of this one and the one before, modulo 5: no single token tells it.
        var ids = zeros(200, 9, int64);
        ids[.., 0] = arange(200) % 5;
        ids[.., 1] = arange(200).div(tensor(5), RoundingMode.floor) % 5;
        for (var place = 2; place < 9; place++)
            ids[.., place] = (ids[.., place - 1] + ids[.., place - 2]) % 5;
        using var data = Dataset.FromTensors(ids[.., ..8].contiguous(), ids[.., 1..].contiguous(), ["0", "1", "2", "3", "4"]);
        using var model = DirectModel.For(Decoder(vocabulary: 5, length: 8, features: 16, depth: 2, heads: 2), seed: 1);

        new Trainer(model, new() { Epochs = 60, BatchSize = 50, LearningRate = 0.01, Seed = 1 }).Fit(data);

        // The second token follows from nothing: 7 of 8 places can be right, and a fifth of the other.
        Assert.InRange(Evaluation.Of(model, data).Accuracy!.Value, 0.87, 0.93);
    }

    public static TheoryData<Func<TargetNetwork>> Small => new()
    {
        () => Cnn1ForFeatures(),
        () => Cnn2ForFeatures(),
        () => Cnn3(height: 16, width: 8),
        () => Lstm(features: 3, hours: 4),
        () => LstmTwoLayers(hours: 3),
        () => Mlp(5, [4], 3),
        () => ResNet18(10, ResNetStem.Cifar, channels: 1, side: 8),
        () => ResNet20(side: 8),
        () => ResNet32(side: 8),
        () => VisionTransformer(side: 8, features: 12, depth: 2),
    };

    [Theory]
    [MemberData(nameof(Small))]
    public void The_plain_module_computes_the_same_function_and_carries_the_same_names(Func<TargetNetwork> make)
    {
        using var scope = NewDisposeScope();
        var target = make();
        var weights = LayerTests.SomeWeights(target).Select(weight => weight * 0.2).ToArray();
        using var state = target.CreateState();
        var input = Tests.Small.Uniform([2, .. target.InputShape]);
        // Running statistics of its own, so that leaving them behind shows.
        target.Forward(input, weights, state, training: true);
        var expected = target.Forward(input, weights, state, training: false);

        using var module = target.ToModule(weights, state);
        var difference = (expected - module.call(input)).abs().max().ToDouble();

        Assert.Equal([2L, .. target.OutputShape], expected.shape);
        Assert.True(difference <= 1e-5 * Math.Max(1, expected.abs().max().ToDouble()), $"The outputs differ by {difference}.");
        Assert.Equal(
            target.Parameters.Select(p => p.ToString()).Concat(target.Buffers.Select(b => b.ToString())).Order(StringComparer.Ordinal),
            module.state_dict().Select(p => $"{p.Key}({string.Join(", ", p.Value.shape)})").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_network_with_batch_norm_trains_through_a_latent_and_its_adapter_keeps_the_running_statistics()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.Input(1, 6, 6)
            .Conv2d(4, 3, bias: false).BatchNorm2d().ReLU()
            .Residual(body => body.Conv2d(4, 3, padding: 1, bias: false).BatchNorm2d(), relu: true)
            .GlobalAveragePool2d().Linear(2).Build("small-resnet");
        // Bright images are class 1.
        var labels = arange(64, dtype: ScalarType.Int64).remainder(2);
        var images = Tests.Small.Uniform(64, 1, 6, 6) + labels.view(-1, 1, 1, 1) * 0.5 + 3;
        using var data = Dataset.FromTensors(images, labels, ["dark", "bright"]);
        using var model = MappingNetwork.For(target).SingleLatent(24).WithSeed(1).Build();

        var report = new Trainer(model, new() { Epochs = 15, BatchSize = 16, LearningRate = 0.1, Loss = LossOptions.Complete }).Fit(data);

        Assert.True(report.History[^1].TrainingAccuracy > 0.9);
        Assert.True(Evaluation.Of(model, data).Accuracy > 0.9);
        // Once a step, however many passes the loss takes.
        Assert.Equal(report.Steps, model.State["bn1.num_batches_tracked"].item<long>());
        model.SaveAdapter(folder.File("adapter"));
        using var loaded = MappedModel.LoadAdapter(folder.File("adapter"), target);
        Assert.Equal(model.Predict(images).data<float>(), loaded.Predict(images).data<float>());
        using var module = model.Materialize();
        Assert.True((model.Predict(images) - module.call(images)).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Training_runs_the_same_weights_around_the_same_centers_as_the_model_has()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1, 4, 4).BatchNorm2d().Conv2d(2, 3).GlobalAveragePool2d().Build("normed");
        using var model = MappingNetwork.For(target).SingleLatent(4).WithSeed(1).StartingWithin(0.5).Build();
        using var state = target.CreateState();
        var images = Tests.Small.Uniform(6, 1, 4, 4);
        var labels = tensor(new[] { 0L, 1, 0, 1, 1, 0 });
        using var data = Dataset.FromTensors(images, labels, ["a", "b"]);
        var expected = nn.functional.cross_entropy(target.Forward(images, model.CurrentWeights(), state, training: true), labels);

        var report = new Trainer(model, new() { Epochs = 1, BatchSize = 6, LearningRate = 1e-20 }).Fit(data);

        Assert.Equal(expected.item<float>(), report.History[0].TrainingLoss, 1e-5);
    }
}
