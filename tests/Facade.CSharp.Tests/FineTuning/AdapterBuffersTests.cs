using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Running statistics that training left alone are the base's, and an adapter does not repeat them.</summary>
public sealed class AdapterBuffersTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TargetNetwork target =
        TargetNetwork.Input(1, 6, 6).Conv2d(200, 3).BatchNorm2d().ReLU().GlobalAveragePool2d().Linear(3).Build("normed");

    public void Dispose() => folder.Dispose();

    private string Path => folder.File("adapter.safetensors");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Buffers_are_in_the_file_only_where_training_changed_them(bool frozen)
    {
        using var pretrained = Pretrained(seed: 1);
        using var model = Tuned(pretrained, frozen);

        model.SaveAdapter(Path);

        using (var file = SafetensorsFile.Read(Path))
            Assert.Equal(!frozen, file.LoadAll().Keys.Any(name => name.StartsWith("buffers.", StringComparison.Ordinal)));
        // 40 numbers and what describes them, against 400 and more.
        Assert.Equal(frozen, new FileInfo(Path).Length < 2_000);
        using var loaded = FineTunedModel.LoadAdapter(Path, target, pretrained);
        Assert.Equal(Small.State(model), Small.State(loaded));
        using var inputs = rand(5, 1, 6, 6, generator: new Generator(4));
        Assert.Equal(FineTuned.Bits(() => model.Predict(inputs)), FineTuned.Bits(() => loaded.Predict(inputs)));
    }

    [Fact]
    public void A_base_with_other_buffers_is_refused()
    {
        using var pretrained = Pretrained(seed: 1);
        using var model = Tuned(pretrained, frozen: true);
        model.SaveAdapter(Path);
        using var state = model.State.Copy();
        state["bn1.running_mean"].add_(1);
        using var weights = cat([.. target.Parameters.Select(parameter => pretrained.Load(parameter.Name).reshape(-1))]);
        using var others = PretrainedWeights.FromFlat(target, weights, state);

        var refusal = Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Path, target, others));

        Assert.Contains("other buffers of 'normed'", refusal.Message);
    }

    [Fact]
    public void An_adapter_for_any_base_brings_its_buffers()
    {
        using var pretrained = Pretrained(seed: 1);
        using var model = Tuned(pretrained, frozen: true);

        model.SaveAdapter(Path, bindToWeights: false);

        using var others = Pretrained(seed: 2);
        using var loaded = FineTunedModel.LoadAdapter(Path, target, others);
        Assert.Equal(FineTuned.Bits(() => model.State["bn1.running_mean"].clone()), FineTuned.Bits(() => loaded.State["bn1.running_mean"].clone()));
    }

    [Fact]
    public void A_host_answers_with_the_base_buffers_and_writes_the_adapter_again()
    {
        using var pretrained = Pretrained(seed: 1);
        using var model = Tuned(pretrained, frozen: true);
        model.SaveAdapter(Path);
        using var host = new AdapterHost(target, pretrained);
        host.Add("customer", Path);
        host.SetActive("customer");

        using var inputs = rand(5, 1, 6, 6, generator: new Generator(4));
        Assert.Equal(FineTuned.Bits(() => model.Predict(inputs)), FineTuned.Bits(() => host.Predict(inputs)));
        host.Save("customer", folder.File("again.safetensors"));
        Assert.Equal(File.ReadAllBytes(Path), File.ReadAllBytes(folder.File("again.safetensors")));
    }

    [Fact]
    public void Files_of_earlier_builds_that_hold_or_count_the_place_of_a_dropout_are_read()
    {
        var dropping = TargetNetwork.Input(4).Linear(8).Reshape(8, 1, 1).BatchNorm2d().Flatten().Dropout().Linear(3).Build("dropping");
        using var mapped = MappingNetwork.For(dropping).SingleLatent(12).Build();
        mapped.SaveAdapter(Path);
        using (var place = tensor(7L))
            Signed.Change(Path, tensors: stored => stored["buffers.dropout1.place"] = place);
        using (var read = MappedModel.LoadAdapter(Path, dropping))
            Assert.Equal(7, read.State["dropout1.place"].item<long>());

        using var direct = DirectModel.For(dropping, 1);
        using var pretrained = PretrainedWeights.Of(direct);
        using var tuned = FineTuning.Of(dropping, pretrained).Groups(20).Build();
        tuned.SaveAdapter(Path);
        var now = File.ReadAllBytes(Path);
        Signed.Change(Path, stored => stored["base_buffers_sha256"] = FineTuningBase.HashOf(dropping, direct.State.Tensors, all: true)!);
        Assert.NotEqual(now, File.ReadAllBytes(Path));
        using var host = new AdapterHost(dropping, pretrained);
        host.Add("old", Path);
        host.Save("old", folder.File("again.safetensors"));
        Assert.Equal(now, File.ReadAllBytes(folder.File("again.safetensors")));
    }

    private PretrainedWeights Pretrained(ulong seed)
    {
        using var data = Data();
        using var model = DirectModel.For(target, seed);
        new Trainer(model, new() { Epochs = 1, BatchSize = 10, Seed = seed }).Fit(data);
        return PretrainedWeights.Of(model);
    }

    private FineTunedModel Tuned(PretrainedWeights pretrained, bool frozen)
    {
        using var data = Data();
        var model = FineTuning.Of(target, pretrained).Scales(40).WithSeed(1).Build();
        new Trainer(model, new() { Epochs = 1, BatchSize = 10, Seed = 3, FrozenStatistics = frozen }).Fit(data);
        return model;
    }

    private static Dataset Data()
    {
        using var scope = NewDisposeScope();
        var labels = arange(30, dtype: ScalarType.Int64) % 3;
        return Dataset.FromTensors(rand(30, 1, 6, 6, generator: new Generator(9)) + labels.view(-1, 1, 1, 1), labels, ["0", "1", "2"]);
    }
}
