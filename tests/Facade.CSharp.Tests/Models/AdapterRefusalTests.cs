using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Every way in which a file can be no adapter for a target; the message must say which.</summary>
public sealed class AdapterRefusalTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Path => folder.File("adapter.safetensors");

    private string Refusal(string? path = null, TargetNetwork? target = null) =>
        Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(path ?? Path, target ?? Small.Classifier())).Message;

    private void Save(MappingNetwork? description = null)
    {
        using var model = (description ?? MappingNetwork.For(Small.Classifier()).SingleLatent(6)).Build();
        model.SaveAdapter(Path);
    }

    /// <summary>Writes the saved file again with other metadata or tensors.</summary>
    private void Change(Action<Dictionary<string, string>>? metadata = null, Action<Dictionary<string, Tensor>>? tensors = null) =>
        Signed.Change(Path, metadata, tensors);

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        Save();
        var whole = File.ReadAllBytes(Path);

        for (var length = 0; length < whole.Length; length++)
        {
            var message = Refusal(folder.Write("cut.safetensors", whole[..length]));
            Assert.StartsWith($"'{folder.File("cut.safetensors")}' is truncated", message);
        }
    }

    [Fact]
    public void A_file_of_another_kind_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("is no safetensors file", Refusal(folder.Write("a.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0x0D])));
        Assert.Contains("is truncated", Refusal(folder.Write("empty", [])));
        SafetensorsFile.Write(Path, [("latent", zeros(6))]);
        Assert.Contains("is a safetensors file, but no MappingNets adapter", Refusal());
        using var weights = Small.Slvt();
        weights.Export(Path);
        Assert.Contains("is a safetensors file, but no MappingNets adapter", Refusal());
        Assert.Throws<FileNotFoundException>(() => MappedModel.LoadAdapter(folder.File("absent"), Small.Classifier()));
        Assert.Throws<ArgumentNullException>("target", () => MappedModel.LoadAdapter(Path, null!));
    }

    [Fact]
    public void A_file_for_another_reader_names_that_reader()
    {
        using var pretrained = FineTuned.Pretrained();
        using var mapped = Small.Slvt();
        using var tuned = FineTuned.Build("lora", pretrained);
        using var generated = (GeneratedModel)ModelKinds.Build("generated");
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        var target = Small.Classifier();
        mapped.SaveAdapter(folder.File("mapped"));
        tuned.SaveAdapter(folder.File("tuned"));
        generated.SaveTrained(folder.File("generated"));
        mapped.Export(folder.File("weights"));
        void Named(string file, string reader, params Action<string>[] readers) => Assert.All(readers, read => Assert.Contains(
            $"{reader} reads it", Assert.Throws<CheckpointFormatException>(() => read(folder.File(file))).Message));
        void Mapped(string path) => MappedModel.LoadAdapter(path, target).Dispose();
        void Tuned(string path) => FineTunedModel.LoadAdapter(path, target, pretrained).Dispose();
        void Added(string path) => host.Add("it", path);
        void Generated(string path) => generated.LoadTrained(path);
        void Weights(string path) => target.ReadWeights(path).Dispose();
        void Pretrained(string path) => PretrainedWeights.FromFile(path).Dispose();

        Named("mapped", "MappedModel.LoadAdapter or AdapterHost.Add", Tuned, Generated, Weights, Pretrained);
        Named("tuned", "FineTunedModel.LoadAdapter or AdapterHost.Add", Mapped, Generated, Weights, Pretrained);
        Named("generated", "GeneratedModel.LoadTrained", Mapped, Tuned, Added, Weights, Pretrained);
        Named("weights", "PretrainedWeights.FromFile or TargetNetwork.ReadWeights", Mapped, Tuned, Added, Generated);
    }

    [Fact]
    public void Another_version_is_refused_with_both_numbers()
    {
        Save();
        Change(metadata => metadata["format_version"] = "4");
        Assert.Contains("another version: its format version is 4; this library reads the versions 1 to 3", Refusal());
        Change(metadata => metadata.Remove("format_version"));
        Assert.Contains("its format version is missing", Refusal());
    }

    [Fact]
    public void Another_target_is_refused_with_both_names()
    {
        Save();
        Assert.Contains(
            "another target network, 'small-classifier' with 115 weights; this one is 'small-regressor' with 97",
            Refusal(target: Small.Regressor()));
        // As many weights, in other shapes or under other names.
        Assert.Contains("another target", Refusal(target: TargetNetwork.Input(114).Linear(1).Build()));
        Assert.Contains("another target", Refusal(target: TargetNetwork.Input(4).Linear(14, name: "a").Tanh().Linear(3, name: "b").Build()));
        Change(metadata => metadata.Remove("target_fingerprint"));
        Assert.Contains("another target", Refusal());
    }

    [Fact]
    public void The_targets_display_name_does_not_matter()
    {
        Save();
        using var loaded = MappedModel.LoadAdapter(Path, TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("renamed"));
        Assert.Equal(6, loaded.TrainableCount);
    }

    [Fact]
    public void A_tensor_of_a_wrong_shape_or_type_or_one_too_few_or_many_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        Save(MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithTrainableScales());
        Change(tensors: tensors => tensors["latent"] = zeros(7));
        Assert.Contains("has the tensor latent F32(7); its mapping needs F32(6)", Refusal());
        Change(tensors: tensors => tensors["latent"] = zeros(6, 1));
        Assert.Contains("latent F32(6, 1); its mapping needs F32(6)", Refusal());
        Change(tensors: tensors => tensors["latent"] = zeros([6], ScalarType.Float64));
        Assert.Contains("latent F64(6); its mapping needs F32(6)", Refusal());
        Change(tensors: tensors => tensors.Remove("latent"));
        Assert.Contains("has no tensor 'latent'", Refusal());

        Change(tensors: tensors => (tensors["latent"], tensors["scales"]) = (zeros(6), zeros(3)));
        Assert.Contains("scales F32(3); its mapping needs F32(4)", Refusal());
        Change(tensors: tensors => tensors.Remove("scales"));
        Assert.Contains("has no tensor 'scales'", Refusal());

        Save();
        Change(tensors: tensors => tensors["scales"] = zeros(4));
        Assert.Contains("holds the tensor 'scales', which its mapping does not have", Refusal());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_number_that_is_not_finite_is_refused(float bad)
    {
        using var scope = NewDisposeScope();
        Save(MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithTrainableScales());
        Change(tensors: tensors => tensors["scales"][1] = bad);
        Assert.Contains("'scales', which holds a number that is not finite", Refusal());
        Change(tensors: tensors => (tensors["scales"], tensors["latent"]) = (ones(4), full([6], bad)));
        Assert.Contains("'latent', which holds a number that is not finite", Refusal());

        Save(MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithLinearModulation(zeros(115, 6, 6)));
        Change(tensors: tensors => tensors["modulation.map"][0, 0, 0] = bad);
        Assert.Contains("'modulation.map', which holds a number that is not finite", Refusal());
    }

    [Fact]
    public void A_linear_modulation_without_its_map_or_with_another_is_refused()
    {
        using var scope = NewDisposeScope();
        Save(MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithLinearModulation(zeros(115, 6, 6)));
        Change(tensors: tensors => tensors["modulation.map"] = zeros(115, 5, 5));
        Assert.Contains("does not fit the target: The map B has the shape (115, 5, 5); it must be (115, 6, 6)", Refusal());
        Change(tensors: tensors => tensors["modulation.map"] = zeros(1, 6, 6));
        Assert.Contains("(P, d, d) with P = 115", Refusal());
        Change(tensors: tensors => tensors.Remove("modulation.map"));
        Assert.Contains("has no tensor 'modulation.map'", Refusal());
    }

    [Fact]
    public void A_custom_modulation_needs_its_function_and_no_other_adapter_takes_one()
    {
        using var scope = NewDisposeScope();
        static Tensor Half(Tensor latent) => latent.unsqueeze(0).expand(115, latent.shape[0]) * 0.5;
        Save(MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithModulation("half", Half));

        Assert.Contains("the modulation 'half', whose function has to be given when it is loaded", Refusal());
        Assert.Throws<ArgumentException>(
            "matrix", () => MappedModel.LoadAdapter(Path, Small.Classifier(), modulation: z => z));

        Save();
        Assert.Contains("'none', to which no function belongs", Assert.Throws<ArgumentException>(
            "modulation", () => MappedModel.LoadAdapter(Path, Small.Classifier(), modulation: Half)).Message);
    }

    /// <summary>A piece of the description, what takes its place, and what the refusal says.</summary>
    public static TheoryData<string, string, string> Damages => new()
    {
        { "{", "[", "damaged description" },
        { "}", "", "damaged description" },
        { "\"seed\":0", "\"seed\":-1", "damaged description" },
        { "\"seed\":0", "\"seed\":\"zero\"", "damaged description" },
        { "\"seed\":0,", "", "damaged description" },
        { "\"seed\":0", "\"seed\":0,\"sead\":1", "damaged description" },
        { "\"signed-permutation\"", "null", "damaged description" },
        { "\"none\"", "null", "damaged description" },
        { "\"singleLatent\":6", "\"singleLatent\":6.5", "damaged description" },
        { "\"singleLatent\":6", "\"layerWise\":[null]", "damaged description" },
        { "\"singleLatent\":6", "\"layerWise\":[{\"layer\":\"fc1\"}]", "damaged description" },
        { "\"fanInGain\":1", "\"fanInGain\":NaN", "damaged description" },
        { "\"signed-permutation\"", "\"signed-transposition\"", "unknown fixed weights, 'signed-transposition'" },
        { "\"identity\"", "\"cubic\"", "unknown activation, 'cubic'" },
        { "\"uniform\"", "\"normal\"", "unknown bias, 'normal'" },
        { "\"none\"", "\"strange\"", "unknown or incomplete modulation, 'strange'" },
        { "\"none\"", "\"additive\"", "unknown or incomplete modulation, 'additive'" },
        { "\"singleLatent\":6", "\"singleLatent\":6,\"layerWise\":[{\"layer\":\"fc1\",\"latents\":6}]", "either a single latent or layer-wise" },
        { "\"singleLatent\":6", "\"layerWise\":[{\"layer\":\"fc1\",\"latents\":6}]", "names the layers [fc1]" },
        { "\"singleLatent\":6", "\"layerWise\":[{\"layer\":\"fc1\",\"latents\":7},{\"layer\":\"fc2\",\"latents\":-1}]", "from 1 to" },
        { "\"singleLatent\":6,", "", "either a single latent or layer-wise latents" },
        { "\"fanInGain\":1", "\"fanInGain\":-1", "does not fit the target: The gain is -1" },
        { "\"fanInGain\":1", "\"scales\":[1,2]", "There are 2 scales" },
        { "\"fanInGain\":1", "\"fanInGain\":1,\"scales\":[1,2,3,4]", "either a gain or scales" },
        { "\"fanInGain\":1,", "", "either a gain or scales" },
        { "\"uniform\"", "\"zero\"", "cannot learn" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_description_is_refused(string piece, string replacement, string message)
    {
        Save();
        Change(metadata =>
        {
            Assert.Contains(piece, metadata["mapping"]);
            metadata["mapping"] = metadata["mapping"].Replace(piece, replacement);
        });

        Assert.Contains(message, Refusal());
    }

    [Fact]
    public void A_missing_description_is_refused()
    {
        Save();
        Change(metadata => metadata["mapping"] = "null");
        Assert.Contains("damaged description", Refusal());
        Change(metadata => metadata.Remove("mapping"));
        Assert.Contains("has no description of its mapping", Refusal());
    }
}
