using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>LoRA adapters as PEFT writes and reads them: the names, shapes and scales of its checkpoint format.</summary>
public sealed partial class PeftAdapterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TargetNetwork target = TargetNetwork.Input(2, 6, 6)
        .Conv2d(4, 3, name: "conv").ReLU().Flatten().Linear(5, name: "fc1").ReLU().Linear(3, name: "fc2").Build("small");

    private readonly PretrainedWeights pretrained;

    public PeftAdapterTests()
    {
        using var start = DirectModel.For(target, 2);
        pretrained = PretrainedWeights.Of(start);
    }

    public void Dispose()
    {
        pretrained.Dispose();
        folder.Dispose();
    }

    private static JsonObject Configuration() => new()
    {
        ["peft_type"] = "LORA",
        ["auto_mapping"] = null,
        ["base_model_name_or_path"] = "some/model",
        ["r"] = 2,
        ["lora_alpha"] = 6,
        ["lora_dropout"] = 0.1,
        ["bias"] = "none",
        ["fan_in_fan_out"] = false,
        ["init_lora_weights"] = true,
        ["use_dora"] = false,
        ["use_rslora"] = false,
        ["modules_to_save"] = new JsonArray("fc2"),
        ["target_modules"] = new JsonArray("conv", "fc1"),
        ["rank_pattern"] = new JsonObject { ["fc1"] = 3 },
        ["alpha_pattern"] = new JsonObject { ["^conv"] = 1 },
        ["a_field_of_a_later_version"] = 7,
    };

    private static Dictionary<string, Tensor> Tensors()
    {
        using var generator = new Generator(4);
        return new()
        {
            ["base_model.model.conv.lora_A.weight"] = randn([2, 2, 3, 3], generator: generator),
            ["base_model.model.conv.lora_B.weight"] = randn([4, 2, 1, 1], generator: generator),
            ["base_model.model.fc1.lora_A.weight"] = randn([3, 64], generator: generator),
            ["base_model.model.fc1.lora_B.weight"] = randn([5, 3], generator: generator),
            ["base_model.model.fc2.weight"] = randn([3, 5], generator: generator),
            ["base_model.model.fc2.bias"] = randn([3], generator: generator),
        };
    }

    private string Write(JsonObject configuration, Dictionary<string, Tensor> tensors)
    {
        var path = folder.File("peft");
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "adapter_config.json"), configuration.ToJsonString());
        SafetensorsFile.Write(
            Path.Combine(path, "adapter_model.safetensors"), [.. tensors.Select(pair => (pair.Key, pair.Value))],
            new Dictionary<string, string> { ["format"] = "pt" });
        return path;
    }

    private FineTunedModel Load(string path) => FineTunedModel.LoadPeftAdapter(path, target, pretrained);

    private Tensor Weight(Model model, string name)
    {
        var entry = target.Layout.Find(name);
        return model.FlatWeights().narrow(0, entry.Offset, entry.Count).view(entry.Shape);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_of_PEFT_gives_W_plus_scaled_B_A_and_the_modules_that_it_stores(bool byRoot)
    {
        using var scope = NewDisposeScope();
        var configuration = Configuration();
        configuration["use_rslora"] = byRoot;
        var tensors = Tensors();
        using var model = Load(Write(configuration, tensors));

        using var start = DirectModel.For(target, 2);
        var (a, b) = (tensors["base_model.model.conv.lora_A.weight"], tensors["base_model.model.conv.lora_B.weight"]);
        // conv: alpha 1 by its pattern, r = 2; fc1: alpha 6, r = 3 by its pattern.
        var scale = byRoot ? (float)(1 / Math.Sqrt(2)) : 0.5f;
        var (expected, found) = (Weight(start, "conv.weight"), Weight(model, "conv.weight"));
        for (var o = 0; o < 4; o++)
            for (var i = 0; i < 2; i++)
                for (var k = 0; k < 9; k++)
                {
                    var sum = 0f;
                    for (var r = 0; r < 2; r++)
                        sum += b[o, r, 0, 0].ToSingle() * a[r, i, k / 3, k % 3].ToSingle();
                    Assert.Equal(expected[o, i, k / 3, k % 3].ToSingle() + (scale * sum), found[o, i, k / 3, k % 3].ToSingle(), 1e-5);
                }

        var product = tensors["base_model.model.fc1.lora_B.weight"].mm(tensors["base_model.model.fc1.lora_A.weight"]);
        var linear = Weight(start, "fc1.weight") + (product * (byRoot ? 6 / Math.Sqrt(3) : 2));
        Assert.True((linear - Weight(model, "fc1.weight")).abs().max().ToDouble() < 1e-4);
        Assert.True(Weight(model, "fc1.bias").equal(Weight(start, "fc1.bias")).all().ToBoolean());
        Assert.True(Weight(model, "fc2.weight").equal(tensors["base_model.model.fc2.weight"]).all().ToBoolean());
        Assert.True(Weight(model, "fc2.bias").equal(tensors["base_model.model.fc2.bias"]).all().ToBoolean());
    }

    [Fact]
    public void It_becomes_an_adapter_of_this_library()
    {
        using var scope = NewDisposeScope();
        var own = folder.File("own.safetensors");
        using var model = Load(Write(Configuration(), Tensors()));
        model.SaveAdapter(own);
        using var again = FineTunedModel.LoadAdapter(own, target, pretrained);
        Assert.True(model.FlatWeights().equal(again.FlatWeights()).all().ToBoolean());
    }

    [Fact]
    public void Half_precision_is_read()
    {
        using var scope = NewDisposeScope();
        using var model = Load(Write(Configuration(), Tensors().ToDictionary(pair => pair.Key, pair => pair.Value.to(ScalarType.BFloat16))));
        using var single = Load(Write(Configuration(), Tensors()));
        Assert.True((model.FlatWeights() - single.FlatWeights()).abs().max().ToDouble() is > 0 and < 1);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "peft_type=IA3", "IA3" },
        { "peft_type=", "peft_type" },
        { "use_dora", "use_dora" },
        { "fan_in_fan_out", "fan_in_fan_out" },
        { "init_lora_weights=pissa", "pissa" },
        { "r=4", "the rank 4" },
        { "rank_pattern", "rank_pattern" },
        { "lora_alpha=many", "lora_alpha" },
        { "pattern (", "'('" },
        { "a tensor of another network", "transformer.h.0" },
        { "an embedding", "lora_embedding_A" },
        { "no B", "conv.lora_B" },
        { "another shape", "(9, 2, 1, 1)" },
        { "double", "F64" },
        { "NaN", "not finite" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_it_cannot_hold_is_refused_by_name(string what, string named)
    {
        using var scope = NewDisposeScope();
        var (configuration, tensors) = (Configuration(), Tensors());
        const string b = "base_model.model.conv.lora_B.weight";
        switch (what)
        {
            case "use_dora" or "fan_in_fan_out":
                configuration[what] = true;
                break;
            case "r=4":
                (configuration["r"], configuration["rank_pattern"]) = (4, new JsonObject());
                break;
            case "rank_pattern":
                configuration[what] = 3;
                break;
            case "pattern (":
                configuration["rank_pattern"] = new JsonObject { ["("] = 3 };
                break;
            case "a tensor of another network":
                tensors["base_model.model.transformer.h.0.weight"] = zeros(1);
                break;
            case "an embedding":
                tensors["base_model.model.words.lora_embedding_A"] = zeros(2, 3);
                break;
            case "no B":
                tensors.Remove(b);
                break;
            case "another shape":
                tensors[b] = zeros(9, 2, 1, 1);
                break;
            case "double":
                tensors[b] = tensors[b].to(ScalarType.Float64);
                break;
            case "NaN":
                tensors[b][0, 0, 0, 0] = float.NaN;
                break;
            default:
                var (field, value) = what.Split('=') is [var left, var right] ? (left, right) : throw new InvalidOperationException(what);
                configuration[field] = value.Length == 0 ? null : value;
                break;
        }

        var fault = Assert.Throws<CheckpointFormatException>(() => Load(Write(configuration, tensors)));
        Assert.Contains(named, fault.Message);
    }

    [Fact]
    public void An_adapter_for_nothing_of_the_network_is_refused()
    {
        var fault = Assert.Throws<CheckpointFormatException>(() => Load(Write(Configuration(), [])));
        Assert.Contains("changes nothing", fault.Message);
    }

    [Fact]
    public void What_is_written_has_PEFTs_names_and_shapes_and_comes_back_with_the_same_bits()
    {
        using var scope = NewDisposeScope();
        var path = folder.File("out");
        using var model = FineTuning.Of(target, pretrained).LowRank(2, strength: 1.5, layers: ["conv", "fc1"]).WholeWeights("fc2").Build();
        Disturb(model);
        model.SavePeftAdapter(path);

        using (var file = SafetensorsFile.Read(Path.Combine(path, "adapter_model.safetensors")))
            Assert.Equal(
                Tensors().Select(pair => pair.Key == "base_model.model.fc1.lora_A.weight" ? $"{pair.Key}(2, 64)"
                    : pair.Key == "base_model.model.fc1.lora_B.weight" ? $"{pair.Key}(5, 2)"
                    : $"{pair.Key}{ShapeText.Of(pair.Value.shape)}").Order(),
                file.Entries.Select(entry => $"{entry.Name}{ShapeText.Of(entry.Shape)}").Order());
        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "adapter_config.json")))!;
        Assert.Equal("LORA", (string?)configuration["peft_type"]);
        Assert.Equal(2, (int)configuration["r"]!);
        Assert.Equal(3.0, (double)configuration["lora_alpha"]!);
        Assert.Equal(["conv", "fc1"], configuration["target_modules"]!.AsArray().Select(name => (string)name!));
        Assert.Equal(["fc2"], configuration["modules_to_save"]!.AsArray().Select(name => (string)name!));

        using var again = Load(path);
        Assert.True(model.FlatWeights().equal(again.FlatWeights()).all().ToBoolean());
    }

    [Fact]
    public void Ranks_of_their_own_and_names_that_end_alike_become_patterns()
    {
        using var scope = NewDisposeScope();
        var nested = TargetNetwork.Input(6).Linear(6, name: "fc").Residual(inner => inner.Linear(8, name: "fc").ReLU().Linear(6, name: "out"), name: "block")
            .Linear(3, name: "head").Build("nested");
        using var start = DirectModel.For(nested, 2);
        using var weights = PretrainedWeights.Of(start);
        using var model = FineTuning.Of(nested, weights).LowRank(1, layers: ["fc"]).Build();
        Disturb(model);
        model.SavePeftAdapter(folder.File("one"));
        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.File("one"), "adapter_config.json")))!;
        // A plain "fc" would be "block.fc" to PEFT too.
        Assert.Equal("(fc)", (string?)configuration["target_modules"]);

        using var ranks = FineTuning.Of(target, pretrained).LowRankWithin(330).Build();
        Disturb(ranks);
        Assert.True(ranks.Configuration.Parts[0].Ranks!.Select(piece => piece.Rank).Distinct().Count() > 1);
        ranks.SavePeftAdapter(folder.File("ranks"));
        using var again = Load(folder.File("ranks"));
        Assert.True((ranks.FlatWeights() - again.FlatWeights()).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Other_forms_embeddings_and_moved_statistics_are_not_written()
    {
        var path = folder.File("none");
        using var scales = FineTuning.Of(target, pretrained).Scales(4).Build();
        Assert.Contains("LowRank", Assert.Throws<InvalidOperationException>(() => scales.SavePeftAdapter(path)).Message);
        using var whole = FineTuning.Of(target, pretrained).WholeWeights().Build();
        Assert.Contains("whole modules only beside it", Assert.Throws<InvalidOperationException>(() => whole.SavePeftAdapter(path)).Message);

        var words = TargetNetwork.Input(5).Embedding(11, 4, name: "words").Flatten().Linear(3, name: "head").Build("words");
        using var start = DirectModel.For(words, 2);
        using var weights = PretrainedWeights.Of(start);
        using var embedded = FineTuning.Of(words, weights).LowRank(1, layers: ["words"]).Build();
        Assert.Contains("words.weight", Assert.Throws<InvalidOperationException>(() => embedded.SavePeftAdapter(path)).Message);

        var normed = TargetNetwork.Input(4).Linear(5, name: "fc").BatchNorm1d(name: "norm").Linear(3, name: "head").Build("normed");
        using var plain = DirectModel.For(normed, 2);
        using var plainWeights = PretrainedWeights.Of(plain);
        using var model = FineTuning.Of(normed, plainWeights).LowRank(1).Build();
        model.SavePeftAdapter(folder.File("still"));
        using (no_grad())
            model.State.Tensors[0].add_(1.ToScalar());
        Assert.Contains("norm.running_mean", Assert.Throws<InvalidOperationException>(() => model.SavePeftAdapter(path)).Message);
        Assert.False(Directory.Exists(path));
    }

    // B starts at 0, which no product would show.
    private static void Disturb(FineTunedModel model)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        foreach (var (_, values) in model.TrainedTensors)
            values.add_(randn(values.shape, generator: generator));
    }
}
