using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Trained parameters serve a module with frozen parameters in every float type: a conversion rounds, so in another type they are not compared.
/// </summary>
public sealed class FrozenTypeTests : IDisposable
{
    private const string Field = "frozen_type";

    private readonly TemporaryFolder folder = new();
    private readonly FrozenNet module = new(1);
    private readonly ModuleTarget target;
    private readonly PretrainedWeights pretrained;

    public FrozenTypeTests()
    {
        target = module.Lend();
        pretrained = PretrainedWeights.Of(target);
    }

    public void Dispose()
    {
        pretrained.Dispose();
        target.Dispose();
        module.Dispose();
        folder.Dispose();
    }

    private string Adapter => folder.File("adapter");

    private MappedModel Mapped() => MappingNetwork.For(target).SingleLatent(12).WithSeed(3).Build();

    private FineTunedModel Tuned() => FineTuning.Of(target, pretrained).Groups(10).Build();

    private static string? Stated(string path, string field)
    {
        using var file = SafetensorsFile.Read(path);
        return file.Metadata.GetValueOrDefault(field);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void Adapters_are_loaded_onto_the_same_module_in_another_type(ScalarType type)
    {
        using var other = new FrozenNet(1, type);
        using var converted = other.Lend();
        using var mapped = Mapped();
        mapped.SaveAdapter(Adapter);
        using (var loaded = MappedModel.LoadAdapter(Adapter, converted))
            Assert.Equal(FineTuned.Bits(mapped.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        using var tuned = Tuned();
        tuned.SaveAdapter(Adapter);
        using (var loaded = FineTunedModel.LoadAdapter(Adapter, converted, pretrained))
            Assert.Equal(FineTuned.Bits(tuned.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        using var trained = GeneratedModelTests.Subspace(6, target, start: 0.5f);
        trained.SaveTrained(Adapter);
        using var fresh = GeneratedModelTests.Subspace(6, converted);
        fresh.LoadTrained(Adapter);
        Assert.Equal(FineTuned.Bits(trained.FlatWeights), FineTuned.Bits(fresh.FlatWeights));
    }

    [Fact]
    public void A_host_in_another_type_takes_them_and_writes_what_they_were_trained_beside()
    {
        using var other = new FrozenNet(1, ScalarType.Float64);
        using var converted = other.Lend();
        using var host = new AdapterHost(converted, pretrained);
        using var mapped = Mapped();
        using var tuned = Tuned();
        mapped.SaveAdapter(Adapter);
        var hash = Stated(Adapter, "frozen_sha256");

        host.Add("file", Adapter);
        host.Add("mapped", mapped);
        host.Add("tuned", tuned);

        Assert.All(["file", "mapped", "tuned"], name =>
        {
            host.Save(name, folder.File(name));
            Assert.Equal((hash, "F32"), (Stated(folder.File(name), "frozen_sha256"), Stated(folder.File(name), Field)));
        });
    }

    [Fact]
    public void The_type_is_named_as_safetensors_does_and_without_it_the_hash_counts_in_any()
    {
        using var other = new FrozenNet(1, ScalarType.BFloat16);
        using var converted = other.Lend();
        using (var model = MappingNetwork.For(converted).SingleLatent(12).WithSeed(3).Build())
            model.SaveAdapter(Adapter);
        Assert.Equal("BF16", Stated(Adapter, Field));

        MappedModel.LoadAdapter(Adapter, target).Dispose();
        Signed.Change(Adapter, metadata => metadata.Remove(Field));
        Assert.Contains(
            "other values of the frozen parameters", Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Adapter, target)).Message);
        MappedModel.LoadAdapter(Adapter, converted).Dispose();
    }

    [Fact]
    public void Several_types_stand_in_ordinal_order_each_once()
    {
        using var scope = NewDisposeScope();
        var (single, brain) = (ones(1), ones(1, dtype: ScalarType.BFloat16));

        Assert.Equal("BF16,F32", FrozenHash.Of([("a", single), ("b", brain), ("c", single)])?.Types);
        Assert.Equal(FrozenHash.Of([("a", single), ("b", brain)]), FrozenHash.Of([("b", brain), ("a", single)]));
        Assert.Null(FrozenHash.Of([]));
    }
}
