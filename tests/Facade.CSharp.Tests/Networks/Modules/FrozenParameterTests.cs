using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A module whose encoder its owner froze: adapters and files of weights belong to that encoder, and exports hold it.</summary>
public sealed class FrozenParameterTests : IDisposable
{
    private const string Field = "frozen_sha256";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Adapter => folder.File("adapter");

    private string Weights => folder.File("weights.safetensors");

    private static MappedModel Mapped(ModuleTarget target, string kind)
    {
        var mapping = MappingNetwork.For(target).SingleLatent(12).WithSeed(3);
        return (kind == "low rank" ? mapping.LowRank("head", 1) : mapping).Build();
    }

    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    [InlineData("low rank")]
    public void A_mapped_adapter_is_refused_beside_another_encoder(string kind)
    {
        using var scope = NewDisposeScope();
        var inputs = Small.Uniform(5, 4);
        using var module = new FrozenNet(1);
        using var target = module.Lend();
        using var model = Mapped(target, kind);
        if (kind == "folder")
            model.SaveAdapterFolder(Adapter);
        else
            model.SaveAdapter(Adapter);

        using var alike = new FrozenNet(1);
        using var there = alike.Lend();
        using (var loaded = MappedModel.LoadAdapter(Adapter, there))
            Assert.Equal(Small.Bits(model.Predict(inputs)), Small.Bits(loaded.Predict(inputs)));
        using var other = new FrozenNet(2);
        using var elsewhere = other.Lend();
        var refusal = Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Adapter, elsewhere));
        Assert.Contains("other values of the frozen parameters [encoder.weight, encoder.bias]", refusal.Message);
        Assert.Contains("load them into the module before TargetNetwork.From", refusal.Message);
    }

    [Fact]
    public void A_fine_tuned_adapter_is_refused_beside_another_encoder_unless_it_is_bound_to_no_weights()
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1);
        using var other = new FrozenNet(2);
        using var target = module.Lend();
        using var elsewhere = other.Lend();
        using var pretrained = PretrainedWeights.Of(target);
        using var others = PretrainedWeights.Of(elsewhere);
        using var host = new AdapterHost(elsewhere, others);
        using var model = FineTuning.Of(target, pretrained).Groups(10).Build();

        model.SaveAdapter(Adapter);

        using (FineTunedModel.LoadAdapter(Adapter, target, pretrained))
        {
        }

        var refusal = Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Adapter, elsewhere, others));
        Assert.Contains("other values of the frozen parameters [encoder.weight, encoder.bias]", refusal.Message);
        Assert.Throws<CheckpointFormatException>(() => host.Add("file", Adapter));
        Assert.Throws<CheckpointFormatException>(() => host.Add("model", model));
        model.SaveAdapter(Adapter, bindToWeights: false);
        using (FineTunedModel.LoadAdapter(Adapter, elsewhere, others))
        {
        }
    }

    [Fact]
    public void The_field_is_one_that_readers_may_ignore_and_files_without_it_load_as_before()
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1);
        using var other = new FrozenNet(2);
        using var target = module.Lend();
        using var elsewhere = other.Lend();
        using (var model = Mapped(target, "file"))
            model.SaveAdapter(Adapter);

        using (var file = SafetensorsFile.Read(Adapter))
        {
            Assert.Matches("^[0-9a-f]{64}$", file.Metadata[Field]);
            Assert.Equal($"[\"{Field}\",\"frozen_type\"]", file.Metadata["optional_fields"]);
        }

        Signed.Change(Adapter, metadata => metadata[Field] = "none");
        Assert.Contains("no SHA-256", Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Adapter, target)).Message);
        Signed.Change(Adapter, metadata => metadata.Remove(Field));
        using (MappedModel.LoadAdapter(Adapter, elsewhere))
        {
        }
    }

    [Fact]
    public void A_module_without_frozen_parameters_refuses_an_adapter_that_was_trained_beside_some()
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1);
        using var target = module.Lend();
        using (var model = Mapped(target, "file"))
            model.SaveAdapter(Adapter);
        using var rest = FrozenNet.Rest();
        using var elsewhere = TargetNetwork.From(rest, zeros(2, 6), "rest");

        var refusal = Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Adapter, elsewhere));

        Assert.Contains("'rest' has none", refusal.Message);
        using var mapped = MappingNetwork.For(elsewhere).SingleLatent(12).Build();
        mapped.SaveAdapter(Adapter);
        using var file = SafetensorsFile.Read(Adapter);
        Assert.DoesNotContain(Field, file.Metadata.Keys);
        Assert.DoesNotContain("optional_fields", file.Metadata.Keys);
    }

    [Fact]
    public void Weights_with_another_encoder_are_refused_by_name_and_with_the_remedy()
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1);
        using var target = module.Lend();
        using (var model = DirectModel.For(target, 5))
            model.Export(Weights);
        using var other = new FrozenNet(2);
        using var elsewhere = other.Lend();
        using var read = PretrainedWeights.FromFile(Weights);

        var refusal = Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(elsewhere, read).Groups(5).Build());

        Assert.Contains($"'encoder.weight' is frozen in the module of 'net' and has other values in '{Weights}'", refusal.Message);
        Assert.Contains("load them into the module before TargetNetwork.From", refusal.Message);
        Assert.Throws<ArgumentException>("pretrained", () => new AdapterHost(elsewhere, read));
        var fault = Assert.Throws<CheckpointFormatException>(() => elsewhere.ReadWeights(Weights)).Message;
        Assert.Contains("'encoder.weight', which is frozen in the module of 'net', with other values", fault);
        using var rest = read.Renamed(name => name.StartsWith("encoder", StringComparison.Ordinal) ? null : name);
        using (FineTuning.Of(elsewhere, rest).Groups(5).Build())
        {
        }
    }

    // In memory doubles are single, and the module's are held to them in that.
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Weights_with_the_modules_own_encoder_are_read_in_its_type(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1, type);
        using var target = module.Lend();
        using var trained = DirectModel.For(target, 5);
        trained.Export(Weights);
        using var alike = new FrozenNet(1, type);
        using var there = alike.Lend();
        var inputs = Small.Uniform(5, 4);

        using (var file = SafetensorsFile.Read(Weights))
            Assert.Equal(type, file.Entries.Single(entry => entry.Name == "encoder.weight").DType);
        using var read = PretrainedWeights.FromFile(Weights);
        using var model = FineTuning.Of(there, read).Groups(5).Build();
        Assert.Equal(Small.Bits(trained.Predict(inputs)), Small.Bits(model.Predict(inputs)));
        using var weights = there.ReadWeights(Weights);
        Assert.Equal(FineTuned.Weights(trained), weights.Tensors.SelectMany(Small.Values));
    }

    [Theory]
    [InlineData(StoredPrecision.Single, false)]
    [InlineData(StoredPrecision.Int8, false)]
    [InlineData(StoredPrecision.Single, true)]
    public void An_export_has_every_name_of_the_modules_state_dict_and_is_read_again(StoredPrecision precision, bool factors)
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1);
        using var target = module.Lend();
        TargetNetwork network = factors ? target.LowRank("head", 1) : target;
        using var model = DirectModel.For(network, 5);

        model.Export(Weights, precision, factors: factors);

        var expected = module.state_dict().Keys.SelectMany(name => factors && name == "head.weight" ? [name + "_left", name + "_right"] : new[] { name });
        using var file = TensorFile.Read(Weights);
        Assert.Equal(expected.Order(StringComparer.Ordinal), file.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal(Small.Bits(module.get_parameter("encoder.weight")!), Small.Bits(file.Load("encoder.weight")));
        using var weights = network.ReadWeights(Weights);
        Assert.Equal(network.Parameters.Select(parameter => parameter.Shape), weights.Tensors.Select(tensor => tensor.shape));
    }

    [Theory]
    [InlineData(double.NegativeInfinity, ScalarType.Float32, true)]
    [InlineData(double.PositiveInfinity, ScalarType.Float64, true)]
    [InlineData(double.NaN, ScalarType.Float32, false)]
    [InlineData(double.NaN, ScalarType.BFloat16, false)]
    [InlineData(1e300, ScalarType.Float64, false)]
    public void A_frozen_mask_of_infinities_is_exported_and_what_no_reader_takes_is_refused(double value, ScalarType type, bool isExported)
    {
        using var scope = NewDisposeScope();
        using var module = new FrozenNet(1, type);
        using (no_grad())
            module.get_parameter("encoder.bias")!.fill_(value);
        using var target = module.Lend();
        using var model = DirectModel.For(target, 5);

        if (!isExported)
        {
            var refusal = Assert.Throws<InvalidOperationException>(() => model.Export(Weights));
            Assert.Contains("'encoder.bias' holds a NaN or a number beyond single precision", refusal.Message);
            Assert.False(File.Exists(Weights));
            return;
        }

        model.Export(Weights);
        using var read = PretrainedWeights.FromFile(Weights);
        using (FineTuning.Of(target, read).Groups(5).Build())
        {
        }

        target.ReadWeights(Weights).Dispose();
    }

    [Theory]
    [InlineData("target")]
    [InlineData("module")]
    [InlineData("encoder.weight")]
    public void What_would_take_frozen_parameters_that_are_gone_is_refused(string disposed)
    {
        using var scope = NewDisposeScope();
        var module = new FrozenNet(1);
        var target = module.Lend();
        using var model = Mapped(target, "file");
        IDisposable gone = disposed switch
        {
            "target" => target,
            "module" => module,
            _ => module.get_parameter(disposed)!,
        };
        gone.Dispose();

        Action[] uses = [() => model.SaveAdapter(Adapter), () => model.Export(Weights), () => PretrainedWeights.Of(model)];

        Assert.All(uses, use => Assert.Contains(
            disposed == "target" ? "with its owner again" : "was disposed; it must live as long as the target",
            Assert.Throws<ObjectDisposedException>(use).Message));
        Assert.False(File.Exists(Adapter));
        Assert.False(File.Exists(Weights));
        target.Dispose();
        if (disposed != "module")
            module.Dispose();
    }
}
