using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ModelTests
{
    public static TheoryData<string> Mappings => ["slvt", "lwt", "scales"];

    internal static MappedModel Trained(string mapping)
    {
        var description = MappingNetwork.For(Small.Images()).SingleLatent(20).WithSeed(5);
        var model = mapping switch
        {
            "slvt" => description.WithActivation(MappingActivation.Tanh).WithAdditiveModulation(0.01).Build(),
            "lwt" => description.LayerWise(20).Build(),
            "scales" => description.WithTrainableScales().Build(),
            _ => throw new InvalidOperationException(mapping),
        };
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var data = Dataset.FromTensors(randn([32, 1, 6, 6], generator: generator), arange(32) % 4, ["a", "b", "c", "d"]);
        new Trainer(model, new() { Epochs = 3, BatchSize = 16 }).Fit(data);
        return model;
    }

    [Theory]
    [MemberData(nameof(Mappings))]
    public void The_targets_weights_equal_g_of_z_exactly(string mapping)
    {
        using var scope = NewDisposeScope();
        using var model = Trained(mapping);
        Assert.Contains(Small.Values(model.Latent), number => number != 0);
        if (model.TrainableScales is not null)
            Assert.DoesNotContain(Small.Values(model.TrainableScales), number => number == 1);

        var generated = model.TrainableScales is { } scales
            ? model.Mapping.Generate(model.Latent, scales)
            : model.Mapping.Generate(model.Latent);

        Assert.Equal(Small.Bits(generated), Small.Bits(model.FlatWeights()));
        using var module = model.Materialize();
        Assert.Equal(Small.Bits(generated), module.state_dict().Values.SelectMany(Small.Bits));
    }

    [Theory]
    [MemberData(nameof(Mappings))]
    public void The_plain_module_has_PyTorchs_names_and_predicts_the_same_bits(string mapping)
    {
        using var scope = NewDisposeScope();
        using var model = Trained(mapping);
        using var module = model.Materialize();
        var input = linspace(-1, 1, 5 * 36).reshape(5, 1, 6, 6);

        Assert.Equal(["conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"], module.state_dict().Keys);
        Assert.Equal([5L, 4L], model.Predict(input).shape);
        Assert.Equal(Small.Bits(module.call(input)), Small.Bits(model.Predict(input)));
        Assert.False(model.Predict(input).requires_grad);
    }

    [Theory]
    [MemberData(nameof(Mappings))]
    public void Export_holds_every_weight_under_PyTorchs_name_and_shape(string mapping)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Trained(mapping);

        model.Export(folder.File("weights.safetensors"));

        using var module = model.Materialize();
        using var file = SafetensorsFile.Read(folder.File("weights.safetensors"));
        Assert.Equal(
            model.Target.Parameters.Select(parameter => $"{parameter.Name} F32{parameter.ToString()[parameter.Name.Length..]}").Order(),
            file.Entries.Select(entry => entry.ToString()).Order());
        foreach (var (name, weight) in module.state_dict())
            Assert.Equal(Small.Bits(weight), Small.Bits(file.Load(name)));
        Assert.Equal("pt", file.Metadata["format"]);
    }

    [Fact]
    public void A_direct_model_exports_and_materialises_its_own_weights()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(Small.Images(), seed: 9);
        using var module = model.Materialize();

        model.Export(folder.File("weights.safetensors"));

        using var file = SafetensorsFile.Read(folder.File("weights.safetensors"));
        Assert.Equal(Small.Bits(model.FlatWeights()), module.state_dict().Values.SelectMany(Small.Bits));
        Assert.Equal(Small.Bits(model.FlatWeights()), model.Target.Parameters.SelectMany(parameter => Small.Bits(file.Load(parameter.Name))));
    }

    [Fact]
    public void A_plain_module_stays_as_it_was_when_training_goes_on()
    {
        using var model = Small.Slvt();
        using var data = Small.Classes();
        using var module = model.Materialize();
        var before = module.state_dict().Values.SelectMany(Small.Bits).ToArray();

        new Trainer(model, new() { Epochs = 1 }).Fit(data);

        Assert.Equal(before, module.state_dict().Values.SelectMany(Small.Bits));
        using var weights = model.FlatWeights();
        Assert.NotEqual(before, Small.Bits(weights));
    }

    [Fact]
    public void A_wrong_input_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();

        Assert.Throws<ArgumentNullException>("input", () => model.Predict((Tensor)null!));
        Assert.Contains("(N, 4); the input has (2, 5)", Assert.Throws<ArgumentException>("input", () => model.Predict(zeros(2, 5))).Message);
        var doubles = zeros([2, 4], ScalarType.Float64);
        Assert.Contains("Float64; it must be Float32", Assert.Throws<ArgumentException>("input", () => model.Predict(doubles)).Message);
        Assert.Throws<ArgumentNullException>("input", () => model.Predict([null!]));
        var gone = zeros(2, 4);
        gone.Dispose();
        Assert.Contains("the input was disposed", Assert.Throws<ArgumentException>("input", () => model.Predict(gone)).Message);
    }

    [Fact]
    public void A_number_that_is_not_finite_spoils_its_own_sample_only()
    {
        using var scope = NewDisposeScope();
        using var model = Trained("lwt");
        var images = linspace(-1, 1, 3 * 36).reshape(3, 1, 6, 6);
        var clean = Small.Values(model.Predict(images));

        images[1, 0, 2, 3] = float.NaN;
        var outputs = Small.Values(model.Predict(images));

        Assert.All(outputs[4..8], number => Assert.True(float.IsNaN(number)));
        Assert.Equal(clean[..4], outputs[..4]);
        Assert.Equal(clean[8..], outputs[8..]);
    }

    [Fact]
    public void An_export_that_cannot_be_written_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        using var model = Small.Slvt();

        Assert.Throws<DirectoryNotFoundException>(() => model.Export(folder.File("absent/weights.safetensors")));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }
}
