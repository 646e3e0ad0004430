using System.Text.Json.Nodes;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Channels multiplied by numbers around 1 that one mapping generates.</summary>
public sealed class GatesTests : IDisposable
{
    private readonly TargetNetwork target = TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().ReLU().Flatten().Linear(6).Tanh().Linear(3).Build("gated");
    private readonly PretrainedWeights pretrained;

    public GatesTests()
    {
        using var model = DirectModel.For(target, seed: 4);
        pretrained = PretrainedWeights.Of(model);
    }

    public void Dispose() => pretrained.Dispose();

    private Dictionary<string, float[]> ByName(Model model)
    {
        using var scope = NewDisposeScope();
        return target.Parameters.Zip(target.Layout.Split(model.FlatWeights())).ToDictionary(pair => pair.First.Name, pair => Small.Values(pair.Second));
    }

    private Dictionary<string, float[]> Base()
    {
        using var model = FineTuning.Of(target, pretrained).WholeWeights().Build();
        return ByName(model);
    }

    [Fact]
    public void A_channel_is_multiplied_as_a_whole_and_vectors_stay()
    {
        using var model = FineTuning.Of(target, pretrained).Gates(7, strength: 0.5).Build();
        Assert.Equal((7, "gates"), (model.TrainableCount, model.Method));
        Assert.Equal(Base(), ByName(model));
        using (no_grad())
            model.TrainedTensors["latent"].copy_(linspace(0.25, 0.75, 7));

        var weights = ByName(model);
        foreach (var (name, channels) in new[] { ("conv1.weight", 2), ("fc1.weight", 6), ("fc2.weight", 3) })
            foreach (var (before, after) in Base()[name].Chunk(Base()[name].Length / channels).Zip(weights[name].Chunk(weights[name].Length / channels)))
            {
                var gate = after[0] / before[0];
                // A row of the signed permutation is one sign, so that a gate is 1 plus or minus half of one parameter.
                Assert.InRange(Math.Abs(gate - 1), 0.12, 0.38);
                Assert.All(before.Zip(after), pair => Assert.Equal(gate * pair.First, pair.Second, 1e-5f));
            }

        foreach (var name in new[] { "conv1.bias", "bn1.weight", "bn1.bias", "fc1.bias", "fc2.bias" })
            Assert.Equal(Base()[name], weights[name]);
    }

    [Fact]
    public void They_stand_beside_scales_and_the_trainer_trains_both()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var inputs = randn([64, 1, 4, 4], generator: generator);
        using var data = Dataset.FromTensors(inputs, inputs.mean([1, 2, 3]).gt(0).to(int64), ["a", "b", "c"]);
        using var model = FineTuning.Of(target, pretrained).Scales(15).Gates().Build();
        Assert.Equal(["latent1", "latent2", "latent3"], model.TrainedTensors.Keys);
        // The head belongs to Scales, so the gates are those of 2 + 6 channels.
        Assert.Equal(15 + 8, model.TrainableCount);
        var before = Evaluation.Of(model, data).Loss;

        new Trainer(model, new() { Epochs = 30, BatchSize = 16, LearningRate = 0.1 }).Fit(data);

        Assert.InRange(Evaluation.Of(model, data).Loss, 0, 0.7 * before);
        Assert.All(model.TrainedTensors.Values, latent => Assert.True(latent.abs().min().item<float>() > 0));
    }

    [Fact]
    public void A_host_serves_them_and_a_certificate_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = FineTuning.Of(target, pretrained).Gates(4).WithSeed(2).Build();
        using (no_grad())
            model.TrainedTensors["latent"].fill_(0.4);
        model.SaveAdapter(folder.File("gates.safetensors"));
        var inputs = ones(2, 1, 4, 4);

        using var loaded = FineTunedModel.LoadAdapter(folder.File("gates.safetensors"), target, pretrained);
        using var host = new AdapterHost(target, pretrained);
        host.Add("gates", folder.File("gates.safetensors"));
        host.SetActive("gates");

        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        Assert.Equal(Small.Values(model.Predict(inputs)), Small.Values(host.Predict(inputs)));
        Assert.Contains("gates", Assert.Throws<NotSupportedException>(() => model.Certify(inputs)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a vector", "no matrix")]
    [InlineData("twice", "twice")]
    [InlineData("too many", "number of latents is 12")]
    [InlineData("trained scales", "trained scales")]
    [InlineData("no tensors", "unknown or incomplete")]
    [InlineData("no mapping", "unknown or incomplete")]
    public void A_file_that_does_not_fit_is_refused(string what, string message)
    {
        using var folder = new TemporaryFolder();
        using (var model = FineTuning.Of(target, pretrained).Gates(4).Build())
            model.SaveAdapterFolder(folder.Path);
        var path = folder.File("adapter_model.safetensors");
        using var file = SafetensorsFile.Read(path);
        var metadata = new Dictionary<string, string>(file.Metadata);
        var configuration = JsonNode.Parse(metadata["configuration"])!;
        var part = configuration["parts"]![0]!.AsObject();
        _ = what switch
        {
            "a vector" => part["tensors"]![0] = "fc1.bias",
            "twice" => part["tensors"]![0] = "fc1.weight",
            "too many" => part["mapping"]!["singleLatent"] = 12,
            "trained scales" => part["mapping"]!["trainableScale"] = true,
            "no tensors" => part.Remove("tensors"),
            _ => (object)part.Remove("mapping"),
        };
        var read = System.Text.Json.JsonSerializer.Deserialize<FineTuningConfiguration>(configuration.ToJsonString(), FileJson.Strict)!;

        Assert.Contains(message, Assert.Throws<FormatException>(() => read.Check(target, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misfits_are_refused_by_name()
    {
        var start = FineTuning.Of(target, pretrained);

        Assert.Equal("parameters", Assert.Throws<ArgumentOutOfRangeException>(() => start.Gates(0)).ParamName);
        Assert.Equal("strength", Assert.Throws<ArgumentOutOfRangeException>(() => start.Gates(5, strength: double.NaN)).ParamName);
        Assert.Contains("have 11 channels", Assert.Throws<ArgumentOutOfRangeException>(() => start.Gates(12).Build()).Message, StringComparison.Ordinal);
        Assert.Contains("Gates has nothing to change", Assert.Throws<ArgumentException>(() => start.Gates(2, layers: ["bn1"]).Build()).Message, StringComparison.Ordinal);
    }
}
