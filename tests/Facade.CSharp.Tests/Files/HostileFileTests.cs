using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Files that claim more than they hold, or say one thing twice: refused by name before they cost anything.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();

    public void Dispose()
    {
        pretrained.Dispose();
        folder.Dispose();
    }

    private string Path => folder.File("it.safetensors");

    private string MappedRefusal(string old, string changed, TargetNetwork? target = null, ReadLimits? limits = null)
    {
        using (var model = MappingNetwork.For(target ?? Small.Classifier()).SingleLatent(6).WithAdditiveModulation(0.5).Build())
            model.SaveAdapter(Path);
        Signed.Change(Path, metadata => metadata["mapping"] = Replaced(metadata["mapping"], old, changed));
        return Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Path, target ?? Small.Classifier(), limits: limits)).Message;
    }

    private string TunedRefusal(string way, string old, string changed)
    {
        using (var model = FineTuned.Build(way, pretrained))
            model.SaveAdapter(Path);
        Signed.Change(Path, metadata => metadata["configuration"] = Replaced(metadata["configuration"], old, changed));
        return Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Path, Small.Classifier(), pretrained)).Message;
    }

    private static string Replaced(string text, string old, string changed)
    {
        Assert.Contains(old, text);
        return text.Replace(old, changed);
    }

    [Theory]
    [InlineData("\"seed\":0", "\"seed\":0,\"seed\":1", "Duplicate")]
    [InlineData("\"fanInGain\":1", "\"fanInGain\":1e300", "gain is 1E+300")]
    [InlineData("\"fanInGain\":1", "\"fanInGain\":1e999", "gain is")]
    [InlineData("\"fanInGain\":1", "\"fanInGain\":1e-300", "gain is 1E-300")]
    [InlineData("\"fanInGain\":1", "\"fanInGain\":0", "it must be above 0")]
    [InlineData("\"modulationStrength\":0.5", "\"modulationStrength\":-1e31", "modulation's strength is -1E+31")]
    [InlineData("\"startAmplitude\":0", "\"startAmplitude\":1e300", "start's amplitude")]
    [InlineData("\"singleLatent\":6", "\"singleLatent\":116", "the number of latents is 116")]
    [InlineData("\"singleLatent\":6", "\"singleLatent\":2147483647", "the number of latents is 2147483647")]
    [InlineData("\"singleLatent\":6", "\"singleLatent\":-1", "the number of latents is -1")]
    [InlineData("\"modulation\":\"additive\"", "\"modulation\":\"\\ud800\"", "no sound Unicode")]
    [InlineData("\"singleLatent\":6", "\"layerWise\":[{\"layer\":\"fc1\",\"latents\":2147483647},{\"layer\":\"fc2\",\"latents\":2147483647}]", "the number of latents is")]
    [InlineData("\"trainableScale\":false", "\"trainableScale\":false,\"lowRank\":[{\"name\":\"fc1.weight\",\"rank\":2147483647}]", "does not fit 'small-classifier'")]
    public void A_mappings_description_is_held_to_the_target(string old, string changed, string message) =>
        Assert.Contains(message, MappedRefusal(old, changed), StringComparison.OrdinalIgnoreCase);

    [Theory]
    [InlineData("groups", "\"strength\":", "\"strength\":1e300,\"x\":", "damaged configuration")]
    [InlineData("lora", "\"strength\":0.5", "\"strength\":1e300", "strength is 1E+300")]
    [InlineData("lora", "\"rank\":2", "\"rank\":2147483647", "the rank 2147483647")]
    [InlineData("lora", "\"name\":\"fc2.weight\"", "\"name\":\"fc1.weight\"", "changes 'fc1.weight' in two ways")]
    [InlineData("groups", "\"groupSize\":1", "\"groupSize\":9223372036854775807", "groups of 9223372036854775807 weights")]
    [InlineData("groups", "\"latents\":40", "\"latents\":0", "by 0 latents")]
    [InlineData("some layers", "\"fc2.bias\"", "\"fc2.weight\"", "does not fit the target")]
    [InlineData("new head", "\"head\":[", "\"head\":[\"fc2.weight\",", "names the head 'fc2.weight' twice")]
    [InlineData("mapping", "\"singleLatent\":12", "\"singleLatent\":1000000", "number of latents is 1000000")]
    [InlineData("mapping", "\"modulation\":\"additive\"", "\"modulation\":\"custom:x\"", "which no such adapter holds")]
    public void A_fine_tunings_configuration_is_held_to_the_target(string way, string old, string changed, string message) =>
        Assert.Contains(message, TunedRefusal(way, old, changed));

    [Fact]
    public void Shapes_are_compared_before_a_dense_matrix_is_decomposed()
    {
        // 23,401 weights: their square matrix would take 2 GB, and its decomposition a quarter of an hour.
        var target = TargetNetwork.Input(300).Linear(75).Tanh().Linear(11).Build("wide");
        var dense = "\"singleLatent\":23400,\"fixedWeights\":\"dense\"";
        var message = MappedRefusal("\"fixedWeights\":\"signed-permutation\",\"fixedWeightsVersion\":2,\"seed\":0,\"singleLatent\":6", "\"seed\":0," + dense, target);
        Assert.Contains("dense fixed weights would take", message);
        Assert.Contains("ReadLimits.FixedWeightsBytes", message);
        Assert.Contains(
            "latent F32(6); its mapping needs F32(23400)",
            MappedRefusal("\"fixedWeights\":\"signed-permutation\",\"fixedWeightsVersion\":2,\"seed\":0,\"singleLatent\":6", "\"seed\":0," + dense, target, new() { FixedWeightsBytes = long.MaxValue }));
    }

    [Fact]
    public void The_limit_of_dense_fixed_weights_is_the_callers()
    {
        using (var model = MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithFixedWeights(FixedWeightsKind.Dense).Build())
            model.SaveAdapter(Path);

        Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Path, Small.Classifier(), limits: new() { FixedWeightsBytes = (4 * 115 * 6) - 1 }));
        MappedModel.LoadAdapter(Path, Small.Classifier(), limits: new() { FixedWeightsBytes = 4 * 115 * 6 }).Dispose();
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReadLimits { Bytes = 0 });
    }

    [Fact]
    public void A_group_of_codes_larger_than_its_tensor_takes_no_more_memory_than_the_tensor()
    {
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(6).StartingWithin(1).Build();
        model.SaveAdapter(Path, StoredPrecision.Int8);
        using var expected = MappedModel.LoadAdapter(Path, Small.Classifier());
        Signed.Change(Path, metadata => metadata["encodings"] = Replaced(metadata["encodings"], "\"group\":64", "\"group\":9223372036854775807"));

        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier());

        Assert.Equal(FineTuned.Bits(expected.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
    }

    [Fact]
    public void Sparse_tensors_stand_for_no_more_bytes_than_the_limit()
    {
        using var scope = NewDisposeScope();
        var encoding = "{\"w\":{\"precision\":\"single\",\"shape\":[8000],\"sparse\":true}}";
        SafetensorsFile.Write(Path, [("w", ones(0)), ("w_mask", zeros(1000, uint8))], new Dictionary<string, string> { ["encodings"] = encoding });

        Assert.Contains("tensors of 32000 bytes", Assert.Throws<CheckpointFormatException>(
            () => PretrainedWeights.FromFile(Path, new() { Bytes = 31_999 })).Message);
        PretrainedWeights.FromFile(Path, new() { Bytes = 32_000 }).Dispose();
    }

    [Fact]
    public void A_mask_that_is_no_vector_is_refused()
    {
        using var scope = NewDisposeScope();
        var encoding = "{\"w\":{\"precision\":\"single\",\"shape\":[4,8],\"sparse\":true}}";
        SafetensorsFile.Write(
            Path, [("w", ones(4)), ("w_mask", ones(1, 4, dtype: uint8))], new Dictionary<string, string> { ["encodings"] = encoding });

        Assert.Contains("its encoding needs U8(4)", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path)).Message);
    }

    [Theory]
    [InlineData("0,4611686018427387904,4", "F32")]
    [InlineData("0,4611686018427387904,4611686018427387904", "F32")]
    [InlineData("4294967296,0,4294967296", "U8")]
    public void An_empty_tensor_of_an_absurd_shape_is_refused(string shape, string type)
    {
        folder.Write("it.safetensors", SafetensorsBytes.Of($"{{{SafetensorsBytes.Entry("z", type, shape, 0, 0)}}}"));

        Assert.Contains("describes the tensor 'z' wrongly", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path)).Message);
    }

    [Fact]
    public void A_tensor_of_too_many_dimensions_is_refused()
    {
        folder.Write("it.safetensors", SafetensorsBytes.Of($"{{{SafetensorsBytes.Entry("z", "U8", string.Join(',', Enumerable.Repeat("1", 65)), 0, 1)}}}", 0));

        Assert.Contains("has 65 dimensions; at most 64", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path)).Message);
    }

    [Theory]
    [InlineData("{\"format\":\"x\",\"format\":", "Duplicate")]
    [InlineData("{\"a\":\"\\ud800\",\"format\":", "no sound Unicode")]
    [InlineData("{\"a\":1,},{\"format\":", "is no JSON")]
    public void A_folders_configuration_is_strict_JSON(string start, string message)
    {
        using var model = FineTuned.Build("groups", pretrained);
        model.SaveAdapterFolder(folder.Path);
        var configuration = folder.File("adapter_config.json");
        var text = File.ReadAllText(configuration);
        File.WriteAllText(configuration, start + text[(text.IndexOf("\"format\":", StringComparison.Ordinal) + 9)..]);

        var refusal = Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(folder.Path, Small.Classifier(), pretrained));

        Assert.Contains(message, refusal.Message);
        Assert.Equal(configuration, refusal.FileName);
    }

    [Fact]
    public void A_folder_of_another_library_is_told_as_one()
    {
        using var scope = NewDisposeScope();
        File.WriteAllText(folder.File("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":8}");
        SafetensorsFile.Write(folder.File("adapter_model.safetensors"), [("a", ones(2))], new Dictionary<string, string> { ["format"] = "pt" });

        Assert.Contains("with none of this library", Assert.Throws<CheckpointFormatException>(
            () => FineTunedModel.LoadAdapter(folder.Path, Small.Classifier(), pretrained)).Message);
    }

    [Fact]
    public void Messages_quote_no_more_than_200_characters_and_no_control_characters()
    {
        var name = new string('x', 5000) + "\u001b[31m";
        folder.Write("it.safetensors", SafetensorsBytes.Of($"{{\"{name[..^5]}\\u001b\":{{\"dtype\":\"{new string('F', 9000)}\"}}}}"));

        var message = Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path)).Message;

        Assert.InRange(message.Length, 200, 200 + Path.Length + 400);
        Assert.DoesNotContain("\u001b", message);
        Assert.Equal(200, MessageText.Of(new string('y', 201)).Length);
        Assert.Equal(new string('y', 199), MessageText.Of(new string('y', 199)));
        Assert.Equal("a\uFFFDb\uFFFD", MessageText.Of("a\u202Eb\ud800"));
    }

    [Fact]
    public void Text_with_half_a_surrogate_pair_is_not_written()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>("tensors", () => SafetensorsFile.Write(Path, [("a\ud800", ones(1))]));
        Assert.Throws<ArgumentException>("metadata", () => SafetensorsFile.Write(Path, [("a", ones(1))], new Dictionary<string, string> { ["b"] = "\udc00" }));
        Assert.False(File.Exists(Path));
    }

    [Fact]
    public void The_description_of_tensors_is_held_to_the_limit_too()
    {
        const int Most = (1 << 20) + 1000;
        var limits = new ReadLimits { Bytes = Most };
        void Written(int header) => folder.Write("it.safetensors", SafetensorsBytes.Of("{}".PadRight(header)));
        Written(Most);
        PretrainedWeights.FromFile(Path, limits).Dispose();
        Written(Most + 1);
        var message = Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path, limits)).Message;
        Assert.Contains("has a header of 1049577 bytes; at most 1,049,576 are read (ReadLimits.Bytes)", message);

        using var model = FineTuned.Build("groups", pretrained);
        model.SaveAdapterFolder(folder.File("adapter"));
        var configuration = System.IO.Path.Combine(folder.File("adapter"), "adapter_config.json");
        File.WriteAllText(configuration, File.ReadAllText(configuration).PadRight(Most + 1));
        FineTunedModel.LoadAdapter(folder.File("adapter"), Small.Classifier(), pretrained).Dispose();
        message = Assert.Throws<CheckpointFormatException>(
            () => FineTunedModel.LoadAdapter(folder.File("adapter"), Small.Classifier(), pretrained, limits: limits)).Message;
        Assert.Contains("is no configuration: it has 1049577 bytes; at most 1,049,576 are read (ReadLimits.Bytes)", message);
    }

    [Fact]
    public void A_shape_is_read_no_further_than_it_is_known_to_be_too_long()
    {
        var shape = string.Join(',', Enumerable.Repeat("1", 65).Append("\"not reached\""));
        folder.Write("it.safetensors", SafetensorsBytes.Of($"{{{SafetensorsBytes.Entry("z", "U8", shape, 0, 1)}}}", 0));

        Assert.Contains("has 66 dimensions; at most 64", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(Path)).Message);
    }
}
