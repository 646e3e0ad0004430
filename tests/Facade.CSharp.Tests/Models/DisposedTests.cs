using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What is disposed says so by name, where TorchSharp would name an empty handle.</summary>
public sealed class DisposedTests
{
    public static TheoryData<string> Kinds => [.. ModelKinds.All];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_disposed_model_names_itself_at_every_use(string kind)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(8);
        using var module = nn.Linear(4, 3);
        var input = data.Inputs;
        var model = ModelKinds.Build(kind);
        var state = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        var trainer = new Trainer(model, new() { Epochs = 1 });
        model.Dispose();

        Action[] uses =
        [
            () => model.call(input),
            () => model.forward([input]),
            () => model.Terms(input),
            () => model.Predict(input),
            () => model.Predict([input]),
            () => model.FlatWeights(),
            () => model.Materialize(),
            () => model.WriteInto(module),
            () => model.Export(folder.File("weights")),
            () => _ = model.TrainableCount,
            () => _ = model.KeptWeights,
            () => _ = model.State,
            () => model.parameters(),
            () => model.named_parameters(),
            () => model.state_dict(),
            () => model.load_state_dict(state),
            () => trainer.Fit(data),
            () => Evaluation.Of(model, data),
            () => ConfusionMatrix.Of(model, data),
            () => Pruning.ToShare(model, 0.5),
            () => PretrainedWeights.Of(model),
            .. Own(model, folder.File("adapter")),
        ];

        Assert.All(uses, use => Assert.Contains(
            "The model of 'small-classifier' was disposed.", Assert.Throws<ObjectDisposedException>(use).Message));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_disposed_teacher_names_itself()
    {
        using var data = Small.Classes(8);
        using var model = Small.Slvt();
        var teacher = DirectModel.For(Small.Classifier());
        teacher.Dispose();

        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(
            () => new Trainer(model, new() { Epochs = 1, Distillation = new([teacher]) }).Fit(data)).Message);
    }

    [Fact]
    public void Disposed_pretrained_weights_name_themselves_at_every_use()
    {
        using var folder = new TemporaryFolder();
        var target = Small.Classifier();
        var pretrained = FineTuned.Pretrained();
        using (var model = FineTuned.Build("lora", pretrained))
            model.SaveAdapter(folder.File("adapter"));
        var described = FineTuning.Of(target, pretrained).Groups(20);
        pretrained.Dispose();
        pretrained.Dispose();

        Action[] uses =
        [
            () => FineTuning.Of(target, pretrained),
            () => described.Build(),
            () => _ = pretrained.Names,
            () => FineTunedModel.LoadAdapter(folder.File("adapter"), target, pretrained),
            () => new AdapterHost(target, pretrained),
        ];

        Assert.All(uses, use => Assert.Contains(
            "The pretrained weights from the model of 'small-classifier' were disposed.", Assert.Throws<ObjectDisposedException>(use).Message));
    }

    [Fact]
    public void A_disposed_host_names_itself_at_every_use()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var pretrained = FineTuned.Pretrained();
        using var model = FineTuned.Build("lora", pretrained);
        using var module = nn.Linear(4, 3);
        var host = new AdapterHost(Small.Classifier(), pretrained);
        host.Add("it", model);
        host.Dispose();

        Action[] uses =
        [
            () => host.Predict(zeros(1, 4)),
            () => host.Predict([zeros(1, 4)]),
            () => host.FlatWeights(),
            () => host.Materialize(),
            () => host.WriteInto(module),
            () => host.Add("other", model),
            () => host.Save("it", folder.File("a")),
            () => host.SaveFolder("it", folder.File("b")),
            () => host.SetActive("it"),
            () => host.SetActive(null),
            () => host.Merge("it"),
            () => host.Unmerge(),
            () => host.Delete("it"),
        ];

        Assert.All(uses, use => Assert.Contains(nameof(AdapterHost), Assert.Throws<ObjectDisposedException>(use).Message));
    }

    /// <summary>What only one kind of model has.</summary>
    private static Action[] Own(Model model, string path) => model switch
    {
        MappedModel mapped =>
        [
            () => mapped.SaveAdapter(path),
            () => mapped.SaveAdapterFolder(path),
            () => _ = mapped.Latent,
            () => _ = mapped.Mapping,
            () => _ = mapped.TrainableScales,
        ],
        FineTunedModel tuned =>
        [
            () => tuned.SaveAdapter(path),
            () => tuned.SaveAdapterFolder(path),
            () => _ = tuned.TrainedTensors,
        ],
        GeneratedModel generated => [() => generated.SaveTrained(path), () => generated.LoadTrained(path)],
        _ => [],
    };
}
