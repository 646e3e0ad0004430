using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Modules that an adapter of PEFT stores whole: what PEFT takes their names for decides whether they can be written.</summary>
public sealed class PeftSavedModuleTests : IDisposable
{
    private const string Attention = "encoder.layers.encoder_layer_0.self_attention";
    private const string Perceptron = "encoder.layers.encoder_layer_0.mlp.0";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static TargetNetwork Network(string name) => name switch
    {
        "resnet" => Targets.ResNet20(classes: 3, channels: 1, side: 8),
        "transformer" => Targets.VisionTransformer(classes: 3, channels: 1, side: 4, patch: 2, features: 8, depth: 1, heads: 2),
        "numbered" => TargetNetwork.Input(4).Linear(5, name: "0").ReLU(name: "1").Linear(3, name: "10").Build(name),
        "named" => TargetNetwork.Input(4).Linear(5, name: "fc").ReLU().Linear(3, name: "layer").Build(name),
        _ => throw new InvalidOperationException(name),
    };

    private static FineTunedModel Tuned(TargetNetwork target, PretrainedWeights pretrained, string adapted, string saved) =>
        FineTuning.Of(target, pretrained).LowRank(1, layers: [adapted]).WholeWeights(saved).Build();

    // PEFT would give other modules no factors, or look for a module that is not there, and load the rest without an error.
    [Theory]
    [InlineData("resnet", "layer1", "conv1", "'conv1' is stored whole", "'layer1.0.conv1' among them")]
    [InlineData("numbered", "10", "0", "'0' is stored whole", "'10' among them")]
    [InlineData("named", "fc", "layer", "'layer' is stored whole", "'fc.base_layer' among them")]
    [InlineData("transformer", "heads", "class_token", "'class_token' is trained itself", "a parameter of the network")]
    [InlineData("transformer", Perceptron, "encoder.pos_embedding", "'encoder' has tensors", $"'{Perceptron}' in it would lose its factors")]
    [InlineData("numbered", "10.weight", "10.bias", "'10' has tensors of its own and factors", "one of the two")]
    public void Where_PEFT_would_store_or_adapt_something_else_nothing_is_written(
        string network, string adapted, string saved, string what, string why)
    {
        var target = Network(network);
        using var start = DirectModel.For(target, 2);
        using var pretrained = PretrainedWeights.Of(start);
        using var model = Tuned(target, pretrained, adapted, saved);

        var message = Assert.Throws<InvalidOperationException>(() => model.SavePeftAdapter(folder.File("peft"))).Message;

        Assert.All([what, why, "SaveAdapter", "Export"], part => Assert.Contains(part, message));
        Assert.False(Directory.Exists(folder.File("peft")));
    }

    [Theory]
    [InlineData(Attention)]
    [InlineData(Attention + ".in_proj_weight")]
    public void A_module_is_stored_under_one_name_with_the_modules_in_it(string saved)
    {
        using var scope = NewDisposeScope();
        var (target, path) = (Network("transformer"), folder.File("peft"));
        using var start = DirectModel.For(target, 2);
        using var pretrained = PretrainedWeights.Of(start);
        using var model = Tuned(target, pretrained, "heads", saved);
        using var generator = new Generator(9);
        using (no_grad())
            foreach (var values in model.TrainedTensors.Values)
                values.add_(randn(values.shape, generator: generator));

        model.SavePeftAdapter(path);

        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "adapter_config.json")))!;
        Assert.Equal([Attention], configuration["modules_to_save"]!.AsArray().Select(name => (string)name!));
        using (var file = SafetensorsFile.Read(Path.Combine(path, "adapter_model.safetensors")))
            Assert.Equal(
                new[] { "in_proj_bias", "in_proj_weight", "out_proj.bias", "out_proj.weight" }.Select(name => $"base_model.model.{Attention}.{name}"),
                file.Entries.Select(entry => entry.Name).Where(name => name.Contains(Attention)).Order(StringComparer.Ordinal));
        using var again = FineTunedModel.LoadPeftAdapter(path, target, pretrained);
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(again.FlatWeights));
    }
}
