using MappingNets.Tests.Repository;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Files of format version 1, written by the first release of this library, with the weights that it made of them: what people have
/// on their disks keeps its bits.
/// </summary>
public sealed class FirstVersionTests
{
    private static string File(string name) =>
        Path.Combine(RepositoryRoot.Path, "tests", "golden", "adapters-version-1", name + ".safetensors");

    private static float[] Values(int count, int seed) => [.. Enumerable.Range(0, count).Select(index => ((((index * 37) + (seed * 11)) % 64) - 32) / 64f)];

    private static float[] Expected(string name)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Read(File("expected"));
        return Small.Values(file.Load(name));
    }

    private static PretrainedWeights Pretrained()
    {
        using var theta = tensor(Values(115, 1));
        return PretrainedWeights.FromFlat(Small.Classifier(), theta);
    }

    private static void Same(float[] expected, Model model, bool hasProducts)
    {
        var weights = FineTuned.Weights(model);
        if (hasProducts)
            // Sums of products may be rounded in another order on other machines.
            Assert.All(expected.Zip(weights), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        else
            Assert.Equal(expected, weights);
    }

    [Theory]
    [InlineData("groups", 40)]
    [InlineData("hashed-groups-of-3", 30)]
    [InlineData("some-layers", 12)]
    [InlineData("mapping", 12)]
    [InlineData("mapping-with-scales", 16)]
    [InlineData("lora", 70)]
    [InlineData("new-head", 65)]
    [InlineData("mapped-head", 50)]
    public void An_adapter_of_a_fine_tuned_network_still_loads_and_serves(string name, long trainable)
    {
        using var pretrained = Pretrained();

        using var model = FineTunedModel.LoadAdapter(File(name), Small.Classifier(), pretrained);
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        host.Add("it", File(name));
        host.SetActive("it");

        Assert.Equal(trainable, model.TrainableCount);
        Same(Expected(name), model, hasProducts: name == "lora");
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(host.FlatWeights));
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    public void An_adapter_of_a_mapped_model_still_loads(string name)
    {
        using var model = MappedModel.LoadAdapter(File(name), Small.Classifier());

        Same(Expected(name), model, hasProducts: false);
    }

    [Fact]
    public void A_file_of_trained_tensors_still_loads()
    {
        using var start = zeros(115);
        using var model = GeneratedModel.For(Small.Classifier(), "plain", [new("weights", start)], trained => trained[0]);

        model.LoadTrained(File("generated"));

        Same(Expected("generated"), model, hasProducts: false);
    }
}
