using System.Text.Json.Nodes;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <content>Adapters with bias "all", in which most versions of PEFT store the biases of a saved module's two copies too.</content>
public sealed partial class PeftAdapterTests
{
    private static (JsonObject Configuration, Dictionary<string, Tensor> Tensors) WithAllBiases()
    {
        var (configuration, tensors) = (Configuration(), Tensors());
        configuration["bias"] = "all";
        tensors["base_model.model.fc1.base_layer.bias"] = randn(5);
        tensors["base_model.model.fc2.original_module.bias"] = randn(3);
        tensors["base_model.model.fc2.modules_to_save.bias"] = tensors["base_model.model.fc2.bias"].clone();
        return (configuration, tensors);
    }

    [Fact]
    public void The_copies_of_a_saved_modules_bias_are_read_over()
    {
        using var scope = NewDisposeScope();
        var (configuration, tensors) = WithAllBiases();

        using var model = Load(Write(configuration, tensors));

        Assert.Equal(Small.Bits(tensors["base_model.model.fc2.bias"]), Small.Bits(Weight(model, "fc2.bias")));
        Assert.Equal(Small.Bits(tensors["base_model.model.fc2.weight"]), Small.Bits(Weight(model, "fc2.weight")));
        Assert.Equal(Small.Bits(tensors["base_model.model.fc1.base_layer.bias"]), Small.Bits(Weight(model, "fc1.bias")));
    }

    [Theory]
    [InlineData("fc2.modules_to_save.bias", 3, "'base_model.model.fc2.modules_to_save.bias', which should be 'base_model.model.fc2.bias'")]
    [InlineData("fc2.modules_to_save.bias", 4, "fc2.modules_to_save.bias F32(4)")]
    [InlineData("fc2.modules_to_save.scale", 3, "fc2.modules_to_save.scale")]
    [InlineData("conv.original_module.bias", 4, "conv.original_module.bias")]
    [InlineData("fc9.original_module.bias", 3, "fc9.original_module.bias")]
    public void Copies_that_differ_and_copies_of_what_the_file_lacks_are_refused(string name, int size, string named)
    {
        using var scope = NewDisposeScope();
        var (configuration, tensors) = WithAllBiases();
        tensors[$"base_model.model.{name}"] = ones(size);
        Assert.Contains(named, Assert.Throws<CheckpointFormatException>(() => Load(Write(configuration, tensors))).Message);
    }

    // The copies' names stand behind the block's, and some versions leave the adapter's name in that of a module in the block.
    [Fact]
    public void The_copies_of_a_block_of_modules_are_read_over()
    {
        using var scope = NewDisposeScope();
        var nested = TargetNetwork.Input(6).Linear(6, name: "fc").Residual(inner => inner.Linear(8, name: "up").ReLU().Linear(6, name: "down"), name: "block")
            .Linear(3, name: "head").Build("nested");
        using var start = DirectModel.For(nested, 2);
        using var weights = PretrainedWeights.Of(start);
        var configuration = Configuration();
        (configuration["r"], configuration["rank_pattern"], configuration["bias"]) = (2, null, "all");
        var (up, down) = (randn(8), randn(6));
        var path = Write(configuration, new()
        {
            ["base_model.model.fc.lora_A.weight"] = randn(2, 6),
            ["base_model.model.fc.lora_B.weight"] = randn(6, 2),
            ["base_model.model.block.up.weight"] = randn(8, 6),
            ["base_model.model.block.up.bias"] = up,
            ["base_model.model.block.down.weight"] = randn(6, 8),
            ["base_model.model.block.down.bias"] = down,
            ["base_model.model.block.original_module.up.bias"] = randn(8),
            ["base_model.model.block.modules_to_save.up.bias"] = up.clone(),
            ["base_model.model.block.original_module.down.bias"] = randn(6),
            ["base_model.model.block.modules_to_save.default.down.bias"] = down.clone(),
        });

        using var model = FineTunedModel.LoadPeftAdapter(path, nested, weights);

        foreach (var (name, expected) in new[] { ("block.up.bias", up), ("block.down.bias", down) })
        {
            var entry = nested.Layout.Find(name);
            Assert.Equal(Small.Bits(expected), Small.Bits(model.FlatWeights().narrow(0, entry.Offset, entry.Count)));
        }
    }
}
