using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class TrainedTensorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Path => folder.File("trained.safetensors");

    private static GeneratedModel Fresh(TargetNetwork? target = null, int latents = 24, string method = "subspace") =>
        GeneratedModelTests.Subspace(latents, target, method: method);

    private void Save(TargetNetwork? target = null)
    {
        using var model = GeneratedModelTests.Subspace(24, target, start: 0.5f);
        model.SaveTrained(Path);
    }

    /// <summary>Loads into a fresh model, which must be refused and left as it was.</summary>
    private string Refusal(GeneratedModel? into = null, string? path = null)
    {
        using var model = into ?? Fresh();
        var message = Assert.Throws<CheckpointFormatException>(() => model.LoadTrained(path ?? Path)).Message;
        Assert.All(Small.State(model), number => Assert.Equal(0, number));
        return message;
    }

    private void Change(Action<Dictionary<string, string>>? metadata = null, Action<Dictionary<string, Tensor>>? tensors = null) =>
        Signed.Change(Path, metadata, tensors);

    [Fact]
    public void A_loaded_model_has_every_bit_of_the_saved_one()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes();
        using var model = Fresh();
        new Trainer(model, new() { Epochs = 2 }).Fit(data);

        model.SaveTrained(Path);
        using var loaded = Fresh();
        loaded.LoadTrained(Path);

        Assert.NotEqual(0, Small.State(model)[0]);
        Assert.Equal(Small.Bits(model.Trained[0]), Small.Bits(loaded.Trained[0]));
        Assert.Equal(Small.Bits(model.FlatWeights()), Small.Bits(loaded.FlatWeights()));
        // And it can be trained on.
        new Trainer(loaded, new() { Epochs = 1 }).Fit(data);
        Assert.NotEqual(Small.Bits(model.Trained[0]), Small.Bits(loaded.Trained[0]));
    }

    [Fact]
    public void Running_means_are_saved_and_loaded_too()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1, 6, 6).Conv2d(2, 3).BatchNorm2d().ReLU().Flatten().Linear(4).Build("normalised");
        using var generator = new Generator(3);
        using var data = Dataset.FromTensors(randn([32, 1, 6, 6], generator: generator), arange(32) % 4, ["a", "b", "c", "d"]);
        using var model = Fresh(target);
        new Trainer(model, new() { Epochs = 2, BatchSize = 16 }).Fit(data);

        model.SaveTrained(Path);
        using var loaded = Fresh(target);
        loaded.LoadTrained(Path);

        Assert.Contains(Small.Values(model.State["bn1.running_mean"]), number => number != 0);
        Assert.Equal(Small.Bits(model.State["bn1.running_mean"]), Small.Bits(loaded.State["bn1.running_mean"]));
        Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(loaded.Predict(data.Inputs)));
    }

    [Fact]
    public void A_file_of_another_kind_version_method_or_target_is_refused()
    {
        Save();
        var whole = File.ReadAllBytes(Path);
        Assert.Contains("is truncated", Refusal(path: folder.Write("cut", whole[..^1])));
        Assert.Contains("was made by another method, 'subspace'; this model's is 'other'", Refusal(Fresh(method: "other")));
        Assert.Contains(
            "another target network, 'small-classifier' with 115 weights; this one is 'small-images' with 85", Refusal(Fresh(Small.Images())));
        Change(metadata => metadata["format_version"] = "4");
        Assert.Contains("of another version: its format version is 4; this library reads the versions 1 to 3", Refusal());
        Change(metadata => metadata.Remove("format_version"));
        Assert.Contains("its format version is missing", Refusal());
        Change(metadata => metadata["format"] = "pt");
        Assert.Contains("is a safetensors file, but no file of trained tensors", Refusal());
        using var model = Fresh();
        Assert.Throws<FileNotFoundException>(() => model.LoadTrained(folder.File("absent")));
    }

    [Fact]
    public void A_tensor_of_a_wrong_shape_type_name_or_value_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        Save();
        Assert.Contains("has the tensor z F32(24); the model needs F32(23)", Refusal(Fresh(latents: 23)));
        Change(tensors: tensors => tensors["z"] = zeros(24, 1));
        Assert.Contains("z F32(24, 1); the model needs F32(24)", Refusal());
        Change(tensors: tensors => tensors["z"] = zeros(24, dtype: float64));
        Assert.Contains("z F64(24); the model needs F32(24)", Refusal());
        Change(tensors: tensors => tensors["z"] = full(24, float.NaN));
        Assert.Contains("'z', which holds a number that is not finite", Refusal());
        Change(tensors: tensors => (tensors["z"], tensors["y"]) = (ones(24), ones(1)));
        Assert.Contains("holds the tensor 'y', which the model does not have", Refusal());
        Change(tensors: tensors => tensors.Clear());
        Assert.Contains("has no tensor 'z'", Refusal());
    }

    [Fact]
    public void A_buffer_that_is_missing_is_refused_before_anything_changes()
    {
        var target = TargetNetwork.Input(1, 6, 6).Conv2d(2, 3).BatchNorm2d().Flatten().Linear(4).Build("normalised");
        Save(target);
        Change(tensors: tensors => tensors.Remove("buffers.bn1.running_var"));

        Assert.Contains("has no tensor 'buffers.bn1.running_var'", Refusal(Fresh(target)));
    }

    [Fact]
    public void A_model_with_a_number_that_is_not_finite_is_not_written()
    {
        using var model = Fresh();
        using (no_grad())
            model.Trained[0].fill_(float.PositiveInfinity);

        Assert.Contains("'z' holds a number", Assert.Throws<InvalidOperationException>(() => model.SaveTrained(Path)).Message);
        Assert.False(File.Exists(Path));
    }

    [Fact]
    public void A_tensor_that_is_called_as_the_steps_of_another_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var model = GeneratedModel.For(
            Small.Classifier(), "own", [new("w", full(115, 0.5f)), new("w_scale", ones(1))], trained => trained[0] * trained[1]);

        var message = Assert.Throws<InvalidOperationException>(() => model.SaveTrained(Path, StoredPrecision.Int8)).Message;

        Assert.Contains("'w_scale' is a tensor of the model and the name under which the steps of 'w' in int8 would be stored", message);
        Assert.False(File.Exists(Path));
        // What the message advises.
        model.SaveTrained(Path, StoredPrecision.Half);
        model.LoadTrained(Path);
    }
}
