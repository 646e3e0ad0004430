using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <content>Ranks above a matrix's side, trained biases, saved norms, groups, and writers that end in between.</content>
public sealed partial class PeftAdapterTests
{
    private sealed class WriterEnded : Exception;

    [Theory]
    [InlineData("fc1", 5, 64)]
    [InlineData("wide", 64, 5)]
    public void A_rank_above_a_matrixs_smaller_side_gives_the_same_product(string module, long outputs, long inputs)
    {
        using var scope = NewDisposeScope();
        var network = TargetNetwork.Input(inputs).Linear(outputs, name: module).Build("one");
        using var start = DirectModel.For(network, 2);
        using var weights = PretrainedWeights.Of(start);
        var configuration = Configuration();
        (configuration["r"], configuration["rank_pattern"]) = (9, null);
        using var generator = new Generator(5);
        var (a, b) = (randn([9, inputs], generator: generator), randn([outputs, 9], generator: generator));
        var path = Write(configuration, new() { [$"base_model.model.{module}.lora_A.weight"] = a, [$"base_model.model.{module}.lora_B.weight"] = b });

        using var model = FineTunedModel.LoadPeftAdapter(path, network, weights);

        var expected = weights.Find($"{module}.weight")! + (b.mm(a) * (6f / 9));
        Assert.True((model.FlatWeights().narrow(0, 0, outputs * inputs).view(outputs, inputs) - expected).abs().max().ToDouble() < 1e-4);
        model.SavePeftAdapter(folder.File("again"));
        using var again = FineTunedModel.LoadPeftAdapter(folder.File("again"), network, weights);
        Assert.True((model.FlatWeights() - again.FlatWeights()).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void A_rank_of_no_elements_beyond_32_bits_is_refused_by_the_file()
    {
        using var scope = NewDisposeScope();
        var tensors = Tensors();
        tensors["base_model.model.fc1.lora_A.weight"] = zeros([1L << 32, 0]);
        var configuration = Configuration();
        configuration["rank_pattern"] = new JsonObject { ["fc1"] = 1L << 32 };
        var fault = Assert.Throws<CheckpointFormatException>(() => Load(Write(configuration, tensors)));
        Assert.Contains("(4294967296, 0)", fault.Message);
    }

    [Theory]
    [InlineData("alpha_pattern")]
    [InlineData("lora_alpha")]
    public void A_scale_that_single_precision_cannot_hold_is_refused(string field)
    {
        using var scope = NewDisposeScope();
        var configuration = Configuration();
        configuration[field] = field == "lora_alpha" ? 1e300 : new JsonObject { ["conv"] = 1e300 };
        Assert.Throws<CheckpointFormatException>(() => Load(Write(configuration, Tensors())));
    }

    [Fact]
    public void Factors_of_a_normalisation_have_no_place()
    {
        using var scope = NewDisposeScope();
        using var normed = Normed();
        var path = Write(Configuration(), new() { ["base_model.model.norm.lora_A.weight"] = zeros(2) });
        var fault = Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadPeftAdapter(path, normed.Target, pretrained));
        Assert.Contains("norm.lora_A", fault.Message);
    }

    // As PEFT names them with bias "lora_only" and "all".
    [Theory]
    [InlineData("base_model.model.fc1.base_layer.bias")]
    [InlineData("base_model.model.fc1.bias")]
    public void A_trained_bias_of_an_adapted_module_is_read(string name)
    {
        using var scope = NewDisposeScope();
        var (configuration, tensors) = (Configuration(), Tensors());
        configuration["bias"] = "lora_only";
        tensors[name] = randn(5);
        using var model = Load(Write(configuration, tensors));
        Assert.Equal(Small.Bits(tensors[name]), Small.Bits(Weight(model, "fc1.bias")));
    }

    [Fact]
    public void The_buffers_of_a_saved_module_are_read_and_written()
    {
        using var scope = NewDisposeScope();
        using var start = Normed();
        using var weights = PretrainedWeights.Of(start);
        var configuration = Configuration();
        (configuration["r"], configuration["rank_pattern"]) = (2, null);
        var mean = randn(5);
        var path = Write(configuration, new()
        {
            ["base_model.model.fc.lora_A.weight"] = randn(2, 4),
            ["base_model.model.fc.lora_B.weight"] = randn(5, 2),
            ["base_model.model.norm.weight"] = ones(5),
            ["base_model.model.norm.bias"] = zeros(5),
            ["base_model.model.norm.running_mean"] = mean,
            ["base_model.model.norm.running_var"] = ones(5),
        });

        using var model = FineTunedModel.LoadPeftAdapter(path, start.Target, weights);
        Assert.Equal(Small.Bits(mean), Small.Bits(model.State["norm.running_mean"]));

        model.SavePeftAdapter(folder.File("again"));
        using var again = FineTunedModel.LoadPeftAdapter(folder.File("again"), start.Target, weights);
        Assert.Equal(Small.Bits(mean), Small.Bits(again.State["norm.running_mean"]));
    }

    [Fact]
    public void A_convolution_in_groups_is_neither_written_nor_read()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("conv", nn.Conv2d(4, 6, 3, groups: 2)));
        using var grouped = TargetNetwork.From(module, zeros(1, 4, 5, 5));
        using var weights = PretrainedWeights.Of(grouped);
        using var model = FineTuning.Of(grouped, weights).LowRank(1).Build();
        var written = Assert.Throws<InvalidOperationException>(() => model.SavePeftAdapter(folder.File("none")));
        Assert.Contains("'conv' is a convolution in 2 groups", written.Message);

        var path = Write(Configuration(), new()
        {
            ["base_model.model.conv.lora_A.weight"] = zeros(2, 4, 3, 3),
            ["base_model.model.conv.lora_B.weight"] = zeros(6, 2, 1, 1),
        });
        var read = Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadPeftAdapter(path, grouped, weights));
        Assert.Contains("'conv', which is a convolution in 2 groups", read.Message);
    }

    [Theory]
    [InlineData("the old model is kept", 1, false)]
    [InlineData("the model is in place", 1, false)]
    [InlineData("the configuration is in place", 2, false)]
    [InlineData("the model is in place", 1, true)]
    public void A_writer_that_ends_in_between_leaves_one_of_the_two_adapters(string last, int expected, bool oldIsPefts)
    {
        using var scope = NewDisposeScope();
        var path = folder.File("peft");
        using var one = Tuned(1);
        using var two = Tuned(2);
        one.SavePeftAdapter(path);
        if (oldIsPefts)
        {
            // PEFT's own files do not say which configuration belongs to a model.
            var model = Path.Combine(path, "adapter_model.safetensors");
            IReadOnlyList<(string, Tensor)> tensors;
            using (var file = SafetensorsFile.Read(model))
                tensors = [.. file.LoadAll().Select(pair => (pair.Key, pair.Value))];
            SafetensorsFile.Write(model, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        }

        Assert.Throws<WriterEnded>(() => PeftAdapter.Write(path, two, step =>
        {
            if (step == last)
                throw new WriterEnded();
        }));

        using var read = Load(path);
        Assert.Equal(FineTuned.Bits((expected == 1 ? one : two).FlatWeights), FineTuned.Bits(read.FlatWeights));
        two.SavePeftAdapter(path);
        using var after = Load(path);
        Assert.Equal(FineTuned.Bits(two.FlatWeights), FineTuned.Bits(after.FlatWeights));
        Assert.Equal(2, Directory.GetFileSystemEntries(path).Length);
    }

    [Fact]
    public void A_writer_of_PEFTs_form_that_ends_in_between_leaves_this_librarys_adapter()
    {
        var path = folder.File("both");
        using var one = Tuned(1);
        using var two = Tuned(2);
        one.SaveAdapterFolder(path);

        Assert.Throws<WriterEnded>(() => PeftAdapter.Write(path, two, EndsAtTheModel));

        using var read = FineTunedModel.LoadAdapter(path, target, pretrained);
        Assert.Equal(FineTuned.Bits(one.FlatWeights), FineTuned.Bits(read.FlatWeights));
    }

    [Fact]
    public void A_writer_of_this_librarys_form_that_ends_in_between_leaves_PEFTs_adapter()
    {
        using var scope = NewDisposeScope();
        using var one = Tuned(1);
        using var two = Tuned(2);
        one.SavePeftAdapter(folder.File("both"));
        two.SaveAdapterFolder(folder.File("own"));
        using var own = SafetensorsFile.Read(Path.Combine(folder.File("own"), "adapter_model.safetensors"));

        Assert.Throws<WriterEnded>(() => AdapterFolder.Write(
            folder.File("both"), [.. own.LoadAll().Select(pair => (pair.Key, pair.Value))], own.Metadata, EndsAtTheModel));

        using var read = Load(folder.File("both"));
        Assert.Equal(FineTuned.Bits(one.FlatWeights), FineTuned.Bits(read.FlatWeights));
    }

    private static void EndsAtTheModel(string step)
    {
        if (step == "the model is in place")
            throw new WriterEnded();
    }

    [Theory]
    [InlineData("base_model_name_or_path", "\"owner/model\"", true)]
    [InlineData("a_newer_field", "true", true)]
    [InlineData("lora_alpha", "32", false)]
    public void What_others_write_into_the_configuration_may_not_change_the_scale(string field, string value, bool isRead)
    {
        using var model = Tuned(1);
        model.SavePeftAdapter(folder.File("peft"));
        var path = Path.Combine(folder.File("peft"), "adapter_config.json");
        var configuration = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        configuration[field] = JsonNode.Parse(value);
        File.WriteAllText(path, configuration.ToJsonString(new() { WriteIndented = true }));

        if (isRead)
            Load(folder.File("peft")).Dispose();
        else
            Assert.Throws<CheckpointFormatException>(() => Load(folder.File("peft")));
    }

    [Fact]
    public void A_configuration_that_another_program_has_sorted_still_fits()
    {
        using var model = FineTuning.Of(target, pretrained).LowRank(3, strength: 3e-6, layers: ["conv", "fc1", "fc2"]).Build();
        Disturb(model);
        model.SavePeftAdapter(folder.File("peft"));
        var path = Path.Combine(folder.File("peft"), "adapter_config.json");
        var text = File.ReadAllText(path);
        var configuration = JsonNode.Parse(text)!.AsObject();
        // Python writes the exponent with a small letter.
        var sorted = new JsonObject(configuration.Reverse().Select(field => KeyValuePair.Create(field.Key, field.Value is JsonObject patterns
            ? new JsonObject(patterns.Reverse().Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())))
            : field.Value?.DeepClone()))).ToJsonString().Replace("E-0", "e-0", StringComparison.Ordinal);
        Assert.NotEqual(text, sorted);
        File.WriteAllText(path, sorted);

        using var read = Load(folder.File("peft"));

        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(read.FlatWeights));
    }

    [Fact]
    public void A_configuration_of_another_adapter_is_refused()
    {
        using var one = Tuned(1);
        using var two = Tuned(2);
        one.SavePeftAdapter(folder.File("one"));
        two.SavePeftAdapter(folder.File("two"));
        File.Copy(Path.Combine(folder.File("two"), "adapter_config.json"), Path.Combine(folder.File("one"), "adapter_config.json"), overwrite: true);
        Assert.Contains("describes another adapter", Assert.Throws<CheckpointFormatException>(() => Load(folder.File("one"))).Message);
    }

    private static DirectModel Normed() =>
        DirectModel.For(TargetNetwork.Input(4).Linear(5, name: "fc").BatchNorm1d(name: "norm").Linear(3, name: "head").Build("normed"), 2);

    private FineTunedModel Tuned(double strength)
    {
        var model = FineTuning.Of(target, pretrained).LowRank(2, strength: strength, layers: ["conv", "fc1"]).Build();
        Disturb(model);
        // Factors of its own, so that those of one adapter at the scale of another are neither.
        using (no_grad())
            model.TrainedTensors["fc1.weight.lora_A"].mul_((float)strength);
        return model;
    }

    [Theory]
    [InlineData("rank_pattern")]
    [InlineData("alpha_pattern")]
    public void More_patterns_than_large_models_have_modules_are_refused_before_any_is_made_ready(string field)
    {
        using var scope = NewDisposeScope();
        var configuration = Configuration();
        configuration[field] = new JsonObject(Enumerable.Range(0, 10_001).Select(number => KeyValuePair.Create($"({number}", (JsonNode?)JsonValue.Create(3))));
        var fault = Assert.Throws<CheckpointFormatException>(() => Load(Write(configuration, Tensors())));
        Assert.Contains($"has 10001 patterns in '{field}'; at most 10000 are read", fault.Message);
    }
}
