using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What comes back from a saved adapter of a fine-tuned network, and onto what it is refused.</summary>
public sealed class FineTunedAdapterTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();
    private readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        pretrained.Dispose();
        folder.Dispose();
    }

    private string Path => folder.File("adapter.safetensors");

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var way in FineTuned.Ways)
                foreach (var asFolder in new[] { false, true })
                    cases.Add(way, asFolder);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Saved_and_loaded_it_has_the_same_bits_and_trains_on(string way, bool asFolder)
    {
        using var data = Small.Classes(24);
        using var model = FineTuned.Trained(way, pretrained);
        if (asFolder)
            model.SaveAdapterFolder(Path);
        else
            model.SaveAdapter(Path);

        using var loaded = FineTunedModel.LoadAdapter(Path, Small.Classifier(), pretrained);

        Assert.Equal(Small.State(model), Small.State(loaded));
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        Assert.Equal((model.Method, model.TrainableCount, model.FixedWeightsName), (loaded.Method, loaded.TrainableCount, loaded.FixedWeightsName));
        Assert.Equal(model.DirectlyTrained, loaded.DirectlyTrained);
        foreach (var either in new[] { model, loaded })
            new Trainer(either, new() { Epochs = 1, Seed = 8 }).Fit(data);
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
    }

    [Theory]
    [InlineData(1e-30)]
    [InlineData(1e30)]
    public void The_least_and_the_largest_strength_come_back(double strength)
    {
        var start = FineTuning.Of(Small.Classifier(), pretrained);
        foreach (var way in new[] { start.Groups(3, strength: strength), start.LowRank(1, strength), start.Gates(strength: strength) })
        {
            using var model = way.Build();
            model.SaveAdapter(Path);
            using var loaded = FineTunedModel.LoadAdapter(Path, Small.Classifier(), pretrained);
            Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        }
    }

    [Fact]
    public void What_could_not_be_read_is_not_written()
    {
        var target = Small.Classifier();
        using var model = new FineTunedModel(
            FineTuningBase.Of(target, pretrained, null, 0, CPU),
            new() { Head = [], NewHead = [], Parts = [FineTuningPart.OfLowRank([("fc1.weight", 1)], 1e31)] },
            CPU);

        foreach (var save in new Action[] { () => model.SaveAdapter(Path), () => model.SaveAdapterFolder(Path), () => model.SavePeftAdapter(Path) })
        {
            var refusal = Assert.Throws<InvalidOperationException>(save).Message;
            Assert.Contains("The strength is 1E+31", refusal);
            Assert.Contains("not written", refusal);
        }

        Assert.False(System.IO.Path.Exists(Path));
    }

    [Fact]
    public void A_folder_is_what_users_of_adapters_know()
    {
        using var model = FineTuned.Build("hashed groups of 3", pretrained);

        model.SaveAdapterFolder(Path);

        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Directory.GetFiles(Path).Select(System.IO.Path.GetFileName).Order());
        var configuration = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(Path, "adapter_config.json")))!;
        Assert.Equal("small-classifier", (string)configuration["target"]!);
        Assert.Equal((30, 3, "hashed"), (
            (int)configuration["configuration"]!["parts"]![0]!["latents"]!, (int)configuration["configuration"]!["parts"]![0]!["groupSize"]!,
            (string)configuration["configuration"]!["parts"]![0]!["grouping"]!));
        // The model file is complete in itself.
        using var loaded = FineTunedModel.LoadAdapter(System.IO.Path.Combine(Path, "adapter_model.safetensors"), Small.Classifier(), pretrained);
        Assert.Equal(Small.State(model), Small.State(loaded));
    }

    [Fact]
    public void The_adapter_of_a_mapped_model_can_be_a_folder_too()
    {
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithSeed(3).StartingWithin(1).Build();

        model.SaveAdapterFolder(Path);
        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier());

        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        Assert.Equal(3, (int)JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(Path, "adapter_config.json")))!["mapping"]!["seed"]!);
    }

    [Fact]
    public void A_folder_whose_parts_disagree_is_refused()
    {
        using var model = FineTuned.Build("groups", pretrained);
        model.SaveAdapterFolder(Path);
        var file = System.IO.Path.Combine(Path, "adapter_config.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"seed\": 6", "\"seed\": 7"));

        Assert.Contains("describes another adapter", Refusal().Message);
        File.WriteAllText(file, "{");
        Assert.Contains("is no JSON", Refusal().Message);
    }

    [Fact]
    public void Other_weights_are_refused_unless_the_adapter_was_saved_without_them()
    {
        using var other = FineTuned.Pretrained(seed: 5);
        using var model = FineTuned.Trained("groups", pretrained);
        model.SaveAdapter(Path);

        Assert.Contains(
            "made for other weights of 'small-classifier': their SHA-256",
            Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Path, Small.Classifier(), other)).Message);

        model.SaveAdapter(Path, bindToWeights: false);
        using var moved = FineTunedModel.LoadAdapter(Path, Small.Classifier(), other);
        Assert.Equal(Small.State(model), Small.State(moved));
    }

    [Fact]
    public void The_weights_of_a_head_that_was_started_anew_do_not_matter()
    {
        using var model = FineTuned.Trained("new head", pretrained);
        model.SaveAdapter(Path);
        using var plain = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights().WithNewHead(HeadTraining.Direct, "fc2").WithSeed(99).Build();
        using var other = PretrainedWeights.Of(plain);

        using var loaded = FineTunedModel.LoadAdapter(Path, Small.Classifier(), other);

        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "another target", "made for another target network, 'small-classifier' with 115" },
        { "a mapped model's adapter", "but no adapter of a fine-tuned network: its metadata names the format 'mappingnets-adapter'" },
        { "a version to come", "its format version is 4; this library reads the versions 1 to 3" },
        { "no configuration", "has no configuration" },
        { "a damaged configuration", "has a damaged configuration" },
        { "an unknown kind", "unknown or incomplete way of fine-tuning, 'magic'" },
        { "more groups than weights", "does not fit the target" },
        { "an unknown head", "names the head 'fc9.weight'" },
        { "a latent too long", "has the tensor latent F32(41); its configuration needs F32(40)" },
        { "a latent of NaN", "not finite" },
        { "no latent", "has no tensor 'latent'" },
        { "an unknown tensor", "holds the tensor 'unknown'" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_is_wrong_with_a_file_is_named(string fault, string message)
    {
        using var scope = NewDisposeScope();
        using var model = FineTuned.Build("groups", pretrained);
        model.SaveAdapter(Path);
        var (tensors, metadata) = Contents();
        var json = metadata["configuration"];
        switch (fault)
        {
            case "a mapped model's adapter":
                metadata["format"] = "mappingnets-adapter";
                break;
            case "a version to come":
                metadata["format_version"] = "4";
                break;
            case "no configuration":
                metadata.Remove("configuration");
                break;
            case "a damaged configuration":
                metadata["configuration"] = json[..^1];
                break;
            case "an unknown kind":
                metadata["configuration"] = json.Replace("\"groups\"", "\"magic\"");
                break;
            case "more groups than weights":
                metadata["configuration"] = json.Replace("\"latents\":40", "\"latents\":116");
                break;
            case "an unknown head":
                metadata["configuration"] = json.Replace("\"head\":[]", "\"head\":[\"fc9.weight\"]");
                break;
            case "a latent too long":
                tensors["latent"] = zeros(41);
                break;
            case "a latent of NaN":
                tensors["latent"] = full(40, float.NaN);
                break;
            case "no latent":
                tensors.Remove("latent");
                break;
            case "an unknown tensor":
                tensors["unknown"] = zeros(1);
                break;
        }

        Signed.Write(Path, tensors, metadata);
        var target = fault == "another target" ? TargetNetwork.Input(4).Linear(15).Tanh().Linear(3).Build() : Small.Classifier();

        Assert.Contains(
            message, Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Path, target, pretrained)).Message);
    }

    [Fact]
    public void What_no_one_could_load_is_not_written()
    {
        using var model = FineTuned.Build("groups", pretrained);
        using (no_grad())
            model.TrainedTensors["latent"].fill_(float.PositiveInfinity);

        Assert.Contains("'latent'", Assert.Throws<InvalidOperationException>(() => model.SaveAdapter(Path)).Message);
        Assert.False(File.Exists(Path));
    }

    private (Dictionary<string, Tensor> Tensors, Dictionary<string, string> Metadata) Contents()
    {
        using var file = SafetensorsFile.Read(Path);
        return (new(file.LoadAll()), new(file.Metadata));
    }

    private CheckpointFormatException Refusal() =>
        Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Path, Small.Classifier(), pretrained));
}
