using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// What makes a run another one beside its options: how weights are made and changed, what the network computes, who teaches.
public sealed partial class ResumeTests
{
    private static readonly TrainingOptions Short = new() { Epochs = 2, BatchSize = 20, Seed = 3, LearningRate = 1e-4 };

    /// <summary>The first epoch of a run that a callback stops.</summary>
    private static void Begin(Func<Model> make, TrainingOptions options, string file)
    {
        using var data = Small.Classes(40);
        using var model = make();
        new Trainer(model, options with { OnEpoch = _ => TrainingSignal.Stop }).Fit(data, resumeFile: file);
    }

    private static TrainingReport GoOn(Func<Model> make, TrainingOptions options, string file)
    {
        using var data = Small.Classes(40);
        using var model = make();
        return new Trainer(model, options).Fit(data, resumeFile: file);
    }

    private static string Refusal(Func<Model> make, TrainingOptions options, string file) =>
        Assert.Throws<CheckpointFormatException>(() => GoOn(make, options, file)).Message;

    private static MappedModel Mapped(Func<TargetNetworkBuilder, TargetNetworkBuilder> layers) =>
        MappingNetwork.For(layers(TargetNetwork.Input(4)).Build("network")).SingleLatent(24).WithSeed(7).Build();

    /// <summary>Changes a resume file, and signs it anew as its writer does.</summary>
    private static void Change(string file, Action<Dictionary<string, string>> change, Action<Dictionary<string, Tensor>>? ofTensors = null)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, string> metadata;
        Dictionary<string, Tensor> loaded;
        using (var read = SafetensorsFile.Read(file))
            (metadata, loaded) = (new(read.Metadata), new(read.LoadAll()));
        change(metadata);
        ofTensors?.Invoke(loaded);
        (string Name, Tensor Tensor)[] tensors = [.. loaded.Select(pair => (pair.Key, pair.Value))];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(metadata["settings"] + metadata["counted"]));
        foreach (var (name, values) in tensors.OrderBy(pair => pair.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(values.bytes);
        }

        metadata["sha256"] = Convert.ToHexStringLower(hash.GetHashAndReset());
        SafetensorsFile.Write(file, tensors, metadata);
    }

    [Fact]
    public void Another_fine_tuning_is_refused_and_what_differs_is_shown()
    {
        using var folder = new TemporaryFolder();
        using var pretrained = FineTuned.Pretrained();
        using var other = FineTuned.Pretrained(seed: 3);
        var file = folder.File("run.safetensors");
        FineTunedModel Scales(PretrainedWeights weights, double strength) =>
            FineTuning.Of(Small.Classifier(), weights).WithSeed(6).Scales(30, strength).Build();
        Begin(() => Scales(pretrained, 3), Short, file);

        var strength = Refusal(() => Scales(pretrained, 1), Short, file);
        var weights = Refusal(() => Scales(other, 3), Short, file);

        // The strength is in the scales, far behind the beginning of the description.
        Assert.Matches("the mapping is \\.{3}.*\"scales\":\\[[0-9].* there and \\.{3}.*\"scales\":\\[[0-9].* here", strength);
        Assert.Contains("the mapping is ", weights);
        Assert.Equal(2, GoOn(() => Scales(pretrained, 3), Short, file).History.Count);
    }

    [Theory]
    [InlineData("activation")]
    [InlineData("dropout")]
    [InlineData("heads")]
    [InlineData("momentum")]
    [InlineData("in a skip")]
    public void Another_function_of_the_same_weights_is_refused(string what)
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        Func<bool, Model> make = what switch
        {
            "activation" => first => Mapped(start => first ? start.Linear(14).Tanh().Linear(3) : start.Linear(14).ReLU().Linear(3)),
            "dropout" => first => Mapped(start => start.Linear(14).Dropout(first ? 0.3 : 0.5).Linear(3)),
            "heads" => first => Mapped(start => start.Linear(8).Reshape(2, 4).SelfAttention(first ? 1 : 4).Flatten().Linear(3)),
            "momentum" => first => Mapped(start => start.Linear(14).BatchNorm1d(first ? 0.1 : 0.2).Linear(3)),
            "in a skip" => first => Mapped(start => start.Residual(body => first ? body.Linear(4).Tanh() : body.Linear(4).Gelu()).Linear(3)),
            _ => throw new InvalidOperationException(what),
        };
        Begin(() => make(true), Short with { Loss = LossOptions.TaskOnly }, file);

        Assert.Contains("the function of the target is ", Refusal(() => make(false), Short with { Loss = LossOptions.TaskOnly }, file));
        Assert.Equal(2, GoOn(() => make(true), Short with { Loss = LossOptions.TaskOnly }, file).History.Count);
    }

    [Fact]
    public void A_module_of_ones_own_is_told_apart_by_the_kinds_of_its_parts()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        void Run(nn.Module<Tensor, Tensor> activation, TrainingOptions options)
        {
            using var module = nn.Sequential(("first", nn.Linear(4, 14)), ("between", activation), ("last", nn.Linear(14, 3)));
            using var example = zeros(1, 4);
            using var target = TargetNetwork.From(module, example, "own");
            using var model = MappingNetwork.For(target).SingleLatent(24).WithSeed(7).Build();
            new Trainer(model, options).Fit(data, resumeFile: file);
        }

        Run(nn.Tanh(), Short with { OnEpoch = _ => TrainingSignal.Stop });

        Assert.Contains("the function of the target is ", Assert.Throws<CheckpointFormatException>(() => Run(nn.ReLU(), Short)).Message);
        Run(nn.Tanh(), Short);
    }

    [Fact]
    public void Another_pruning_mask_is_refused()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        // The third weight is not among those that the probe of the start reads.
        Model Pruned(int place)
        {
            using var scope = NewDisposeScope();
            var model = Small.Slvt();
            model.TakeMask(arange(115).ne(place));
            return model;
        }

        Begin(() => Pruned(2), Short, file);

        Assert.Contains("the pruning mask is ", Refusal(() => Pruned(6), Short, file));
        Assert.Contains("the pruning mask is ", Refusal(() => Small.Slvt(), Short, file));
        Assert.Equal(2, GoOn(() => Pruned(2), Short, file).History.Count);
    }

    [Fact]
    public void Teachers_are_told_apart_by_their_statistics_and_functions()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        static DirectModel Teacher(bool isTanh = true)
        {
            var start = TargetNetwork.Input(4).Linear(14).BatchNorm1d();
            return DirectModel.For((isTanh ? start.Tanh() : start.ReLU()).Linear(3).Build("teacher"), seed: 5);
        }

        using var teacher = Teacher();
        using var moved = Teacher();
        using var other = Teacher(isTanh: false);
        using (no_grad())
            moved.State.Tensors[0].fill_(1);
        TrainingOptions By(Model which) => Short with { Distillation = new([which]), Loss = LossOptions.TaskOnly };
        Begin(() => Small.Slvt(), By(teacher), file);

        Assert.Contains("teachers' ", Refusal(() => Small.Slvt(), By(moved), file));
        Assert.Contains("teachers' ", Refusal(() => Small.Slvt(), By(other), file));
        Assert.Equal(2, GoOn(() => Small.Slvt(), By(teacher), file).History.Count);
    }

    [Fact]
    public void A_file_from_before_these_settings_goes_on()
    {
        using var folder = new TemporaryFolder();
        using var pretrained = FineTuned.Pretrained();
        var file = folder.File("run.safetensors");
        Model Make() => FineTuned.Build("scales", pretrained);
        Begin(Make, Short, file);
        Change(file, metadata =>
        {
            var settings = System.Text.Json.Nodes.JsonNode.Parse(metadata["settings"])!.AsObject();
            settings["mapping"] = "none";
            foreach (var name in new[] { "function of the target", "pruning mask", "teachers' functions and buffers" })
                Assert.True(settings.Remove(name));
            metadata["settings"] = settings.ToJsonString();
        });

        Assert.Equal(2, GoOn(Make, Short, file).History.Count);
    }

    [Fact]
    public void A_model_whose_probed_weights_are_no_numbers_goes_on()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        // Near its start the probe leaves the root's domain; training does not.
        Model Make() => GeneratedModel.For(
            Small.Classifier(), "root", [new("t", zeros(115))], trained => (0.01f - trained[0]).sqrt() * arange(115).to(float32).sin());
        using var whole = Make();
        var expected = new Trainer(whole, Short).Fit(data);
        Begin(Make, Short, file);

        using var resumed = Make();
        var report = new Trainer(resumed, Short).Fit(data, resumeFile: file);

        Assert.Equal(Everything(whole, expected), Everything(resumed, report));
    }

    [Fact]
    public void A_function_that_throws_while_it_is_probed_leaves_the_model_at_its_start()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var isArmed = false;
        using var model = GeneratedModel.For(
            Small.Classifier(), "own", [new("t", zeros(115))],
            trained => isArmed ? throw new InvalidOperationException("mine") : trained[0] * 1);
        isArmed = true;

        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(
            () => new Trainer(model, Short).Fit(data, resumeFile: folder.File("run"))).Message);

        Assert.All(Small.State(model), number => Assert.Equal(0, number));
    }

    [Theory]
    [InlineData("settings", "{\"target\":null}")]
    [InlineData("counted", "\"History\":null")]
    [InlineData("counted", "\"History\":[null]")]
    [InlineData("counted", "\"Best\":null")]
    [InlineData("counted", "\"Terms\":null")]
    public void Nulls_in_the_file_are_damage(string key, string with)
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        Begin(() => Small.Slvt(), Short, file);
        Change(file, metadata => metadata[key] = with[0] == '{' ? with : Nulled(metadata[key], with));

        Assert.Contains($"'{file}' is damaged", Refusal(() => Small.Slvt(), Short, file));

        static string Nulled(string json, string with)
        {
            var counted = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
            var (name, value) = (with.Split('"')[1], System.Text.Json.Nodes.JsonNode.Parse(with[(with.IndexOf(':', StringComparison.Ordinal) + 1)..]));
            if (name == "Terms")
                counted["History"]![0]![name] = value;
            else
                counted[name] = value;
            return counted.ToJsonString();
        }
    }
}
