using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What comes back from a saved adapter.</summary>
public sealed class AdapterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Path => folder.File("adapter.safetensors");

    private static Tensor Half(Tensor latent) => latent.tanh().unsqueeze(0).expand(115, latent.shape[0]) * 0.5;

    public static TheoryData<string> Kinds =>
    [
        "slvt", "layers by power", "layers by number", "trainable scales", "additive", "linear", "linear in double", "custom", "dense", "hadamard",
        "tanh", "sine", "zero bias", "gain", "explicit scales", "awkward numbers",
    ];

    private static MappingNetwork Describe(string kind)
    {
        var start = MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithSeed(ulong.MaxValue - 3).StartingWithin(0.3);
        using var generator = new Generator(11);
        return kind switch
        {
            "slvt" => start,
            "layers by power" => start.LayerWise(6),
            "layers by number" => start.LayerWise(("fc1", 2), ("fc2", 4)),
            "trainable scales" => start.WithTrainableScales(),
            "additive" => start.WithAdditiveModulation(0.1),
            "linear" => start.WithLinearModulation(randn([115, 6, 6], generator: generator)),
            "linear in double" => start.WithLinearModulation(randn([115, 6, 6], ScalarType.Float64, generator: generator)),
            "custom" => start.WithModulation("half", Half),
            "dense" => start.WithFixedWeights(FixedWeightsKind.Dense),
            "hadamard" => start.WithFixedWeights(FixedWeightsKind.Hadamard),
            "tanh" => start.WithActivation(MappingActivation.Tanh),
            "sine" => start.WithActivation(MappingActivation.Sine),
            "zero bias" => start.WithBias(MappingBias.Zero),
            "gain" => start.WithGain(1.7),
            "explicit scales" => start.WithScales(0.1, -2, 1e-30, 3e20),
            "awkward numbers" => start.WithGain(0.1 + 0.2).WithAdditiveModulation(1 / 3.0).StartingWithin(Math.PI / 10),
            _ => throw new InvalidOperationException(kind),
        };
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Saved_and_loaded_it_predicts_the_same_bits(string kind)
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var model = Describe(kind).Build();
        if (kind != "explicit scales")
            new Trainer(model, new() { Epochs = 2, BatchSize = 8, LearningRate = 0.01 }).Fit(data);

        model.SaveAdapter(Path);
        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier(), modulation: kind == "custom" ? Half : null);

        Assert.Equal(Small.Bits(model.Latent), Small.Bits(loaded.Latent));
        Assert.Equal(Small.Bits(model.FlatWeights()), Small.Bits(loaded.FlatWeights()));
        Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(loaded.Predict(data.Inputs)));
        Assert.Equal(
            (model.Method, model.Seed, model.TrainableCount, model.FixedWeightsName),
            (loaded.Method, loaded.Seed, loaded.TrainableCount, loaded.FixedWeightsName));
        Assert.Equal(model.LatentSplit, loaded.LatentSplit);
        Assert.Equal(kind == "trainable scales", loaded.TrainableScales is not null);
        Assert.Equal(["adapter.safetensors"], Directory.GetFiles(folder.Path).Select(path => System.IO.Path.GetFileName(path)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Saving_a_loaded_adapter_gives_the_same_file(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Describe(kind).Build();
        model.SaveAdapter(Path);
        var first = File.ReadAllBytes(Path);

        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier(), modulation: kind == "custom" ? Half : null);
        loaded.SaveAdapter(Path);

        Assert.Equal(first, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_loaded_adapter_can_be_trained_on()
    {
        using var data = Small.Classes();
        using var model = Small.Slvt();
        model.SaveAdapter(Path);
        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier());

        new Trainer(model, new() { Epochs = 2 }).Fit(data);
        new Trainer(loaded, new() { Epochs = 2 }).Fit(data);

        Assert.Equal(Small.State(model), Small.State(loaded));
    }

    [Fact]
    public void The_coefficients_of_the_loss_survive()
    {
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        new Trainer(model, new() { Epochs = 3, Loss = LossOptions.Complete }).Fit(data);

        model.SaveAdapter(Path);
        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier());

        Assert.Equal(["stability", "smoothness", "alignment"], loaded.Coefficients.Keys);
        Assert.Equal(model.Coefficients, loaded.Coefficients);
    }

    [Fact]
    public void A_file_of_2048_latents_takes_less_than_10_KB_and_holds_no_weight()
    {
        using var model = MappingNetwork.For(MappingNets.Targets.Cnn2()).SingleLatent(2048).WithSeed(7).StartingWithin(1).Build();

        model.SaveAdapter(Path);

        Assert.InRange(new FileInfo(Path).Length, 4 * 2048, 10_000);
        using var file = SafetensorsFile.Read(Path);
        Assert.Equal("latent F32(2048)", Assert.Single(file.Entries).ToString());
        Assert.Equal(("mappingnets-adapter", "3"), (file.Metadata["format"], file.Metadata["format_version"]));
        Assert.Contains("\"seed\":7,", file.Metadata["mapping"]);
    }

    [Fact]
    public void A_save_that_fails_leaves_the_old_file_and_no_partial_one()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();
        model.SaveAdapter(Path);
        var before = File.ReadAllBytes(Path);
        Directory.CreateDirectory(folder.File("taken"));

        using (no_grad())
            model.Latent[3] = float.NaN;
        Assert.Contains("'latent'", Assert.Throws<InvalidOperationException>(() => model.SaveAdapter(Path)).Message);
        using (no_grad())
            model.Latent[3] = 1;
        Assert.ThrowsAny<SystemException>(() => model.SaveAdapter(folder.File("taken")));
        Assert.Throws<DirectoryNotFoundException>(() => model.SaveAdapter(folder.File("absent/adapter")));

        Assert.Equal(before, File.ReadAllBytes(Path));
        Assert.Equal(["adapter.safetensors", "taken"], Directory.GetFileSystemEntries(folder.Path).Select(path => System.IO.Path.GetFileName(path)).Order());
    }
}
