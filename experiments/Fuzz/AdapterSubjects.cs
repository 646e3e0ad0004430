using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Fuzz;

/// <summary>The files with models in them, written by the library itself from small models of each kind.</summary>
internal static class AdapterSubjects
{
    private static readonly Type Refusal = typeof(CheckpointFormatException);

    private static readonly Lazy<TargetNetwork> Network = new(() =>
        TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().ReLU().Flatten().Linear(6).Tanh().Linear(3).Build("small"));

    private static readonly Lazy<PretrainedWeights> Base = new(() =>
    {
        using var model = DirectModel.For(Network.Value, 3);
        return PretrainedWeights.Of(model);
    });

    public static Subject Mapped() => new(
        "mapped adapter", "case.safetensors", [.. MappedModels().Select(one => Saved(one.Model, (model, path) => model.SaveAdapter(path, one.Precision)))],
        SafetensorsMutation.Of,
        path =>
        {
            using var scope = NewDisposeScope();
            using var model = MappedModel.LoadAdapter(path, Network.Value);
            return State(model);
        },
        IsSigned: true, Refusal);

    public static Subject FineTuned() => new(
        "fine-tuned adapter", "case.safetensors", FineTunedFiles(), SafetensorsMutation.Of,
        path =>
        {
            using var scope = NewDisposeScope();
            using var model = FineTunedModel.LoadAdapter(path, Network.Value, Base.Value);
            return State(model);
        },
        IsSigned: true, Refusal);

    public static Subject Host()
    {
        var host = new AdapterHost(Network.Value, Base.Value);
        return new(
            "adapter in a host", "case.safetensors", FineTunedFiles(), SafetensorsMutation.Of,
            path =>
            {
                using var scope = NewDisposeScope();
                host.Add("it", path);
                try
                {
                    host.SetActive("it");
                    return Subjects.Bits(host.FlatWeights());
                }
                finally
                {
                    host.SetActive(null);
                    host.Delete("it");
                }
            },
            IsSigned: true, Refusal);
    }

    // The configuration changes; the model beside it stays.
    public static Subject Folder()
    {
        using var model = Described(mapping => mapping.SingleLatent(8));
        using var folder = new ScratchFolder();
        model.SaveAdapterFolder(folder.Path);
        var configuration = File.ReadAllBytes(Path.Combine(folder.Path, "adapter_config.json"));
        var weights = File.ReadAllBytes(Path.Combine(folder.Path, "adapter_model.safetensors"));
        return new(
            "adapter folder", "adapter_config.json", [configuration],
            (whole, others, chance) => (chance.OneIn(3)
                ? ByteMutation.Of(whole, others, chance)
                : System.Text.Encoding.UTF8.GetBytes(TextMutation.Of(System.Text.Encoding.UTF8.GetString(whole), chance)), false),
            path =>
            {
                using var scope = NewDisposeScope();
                var beside = Path.Combine(Path.GetDirectoryName(path)!, "adapter_model.safetensors");
                if (!File.Exists(beside))
                    File.WriteAllBytes(beside, weights);
                using var loaded = MappedModel.LoadAdapter(Path.GetDirectoryName(path)!, Network.Value);
                return State(loaded);
            },
            IsSigned: true, Refusal);
    }

    public static Subject Trained()
    {
        GeneratedModel Fresh() => GeneratedModel.For(
            Network.Value, "plain", [new("weights", zeros(Network.Value.ParameterCount).add(0.25))], trained => trained[0].mul(trained[0]));
        return new(
            "trained tensors", "case.safetensors",
            [
                .. new[] { StoredPrecision.Single, StoredPrecision.Int8 }.Select(precision => Saved(Fresh(), (model, path) => model.SaveTrained(path, precision))),
            ],
            SafetensorsMutation.Of,
            path =>
            {
                using var scope = NewDisposeScope();
                using var model = Fresh();
                model.LoadTrained(path);
                return State(model);
            },
            IsSigned: true, Refusal);
    }

    public static Subject Weights() => new(
        "weights of a network", "case.safetensors", Exports(), SafetensorsMutation.Of,
        path =>
        {
            using var scope = NewDisposeScope();
            using var weights = Network.Value.ReadWeights(path);
            return Subjects.Bits([.. weights.Tensors, .. weights.State.Tensors]);
        },
        IsSigned: false, Refusal);

    public static Subject Pretrained() => new(
        "pretrained weights", "case.safetensors", Exports(), SafetensorsMutation.Of,
        path =>
        {
            using var weights = PretrainedWeights.FromFile(path);
            return string.Join(',', weights.Names.Order(StringComparer.Ordinal).Select(name => name + Subjects.Bits(weights.Find(name)!)));
        },
        IsSigned: false, Refusal);

    public static Subject Resume()
    {
        var target = TargetNetwork.Input(2).Linear(3).Build("tiny");
        var data = Dataset.FromTensors(
            arange(16, dtype: float32).view(8, 2).DetachFromDisposeScope(), arange(8).remainder(3).DetachFromDisposeScope(), ["a", "b", "c"]);
        string Run(string path)
        {
            using var scope = NewDisposeScope();
            using var model = MappingNetwork.For(target).SingleLatent(4).Build();
            new Trainer(model, new() { Epochs = 1, BatchSize = 4 }).Fit(data, resumeFile: path);
            return State(model);
        }

        using var folder = new ScratchFolder();
        var file = Path.Combine(folder.Path, "run.safetensors");
        Run(file);
        return new(
            "resume file", "case.safetensors", [File.ReadAllBytes(file)], (whole, others, chance) => (SafetensorsMutation.Of(whole, others, chance).Bytes, false),
            Run, IsSigned: true, Refusal);
    }

    private static IEnumerable<(MappedModel Model, StoredPrecision Precision)> MappedModels()
    {
        var plain = StoredPrecision.Single;
        yield return (Described(mapping => mapping.SingleLatent(8).WithSeed(5)), plain);
        yield return (Described(mapping => mapping.LayerWise(12).WithFixedWeights(FixedWeightsKind.Hadamard).WithAdditiveModulation(0.1)), plain);
        yield return (Described(mapping => mapping.SingleLatent(6).WithFixedWeights(FixedWeightsKind.Dense).WithTrainableScales()), plain);
        yield return (Described(mapping => mapping.SingleLatent(9).WithActivation(MappingActivation.Tanh).WithGain(2)), StoredPrecision.Int8);
        yield return (Described(mapping => mapping.SingleLatent(5).WithActivation(MappingActivation.Sine)), StoredPrecision.Int4);
        yield return (Described(mapping => mapping.SingleLatent(3).WithLinearModulation(ones(Network.Value.ParameterCount, 3, 3))), StoredPrecision.Half);
        var pruned = Described(mapping => mapping.SingleLatent(10));
        Pruning.ToShare(pruned, 0.5);
        yield return (pruned, plain);
        yield return (MappingNetwork.For(Network.Value.LowRank("fc1", 1)).SingleLatent(7).StartingWithin(1).Build(), plain);
    }

    private static byte[][] FineTunedFiles()
    {
        FineTuning Start() => FineTuning.Of(Network.Value, Base.Value).WithSeed(6);
        var models = new Func<FineTunedModel>[]
        {
            () => Start().Groups(8).Build(),
            () => Start().Groups(5, groupSize: 3, strength: 0.7, grouping: WeightGrouping.Hashed).Build(),
            () => Start().Mapping(mapping => mapping.SingleLatent(6).WithTrainableScales()).Build(),
            () => Start().LowRank(1).Build(),
            () => Start().LowRank(1, layers: ["fc1"]).Mapping(mapping => mapping.SingleLatent(3), layers: ["conv1"]).WholeWeights("fc2").Build(),
            () => Start().Groups(6).WithNewHead(HeadTraining.Direct, "fc2").Build(),
        };
        return [.. models.SelectMany((build, index) => new[]
        {
            Saved(Moved(build()), (model, path) => model.SaveAdapter(path, index % 2 == 0 ? StoredPrecision.Single : StoredPrecision.Int8)),
        })];
    }

    private static byte[][] Exports()
    {
        return
        [
            Saved(DirectModel.For(Network.Value, 3), (one, path) => one.Export(path)),
            Saved(DirectModel.For(Network.Value, 4), (one, path) => one.Export(path, StoredPrecision.Int4)),
            Saved(DirectModel.For(Network.Value, 5), (one, path) => one.Export(path, StoredPrecision.Half)),
        ];
    }

    private static MappedModel Described(Func<MappingNetwork, MappingNetwork> steps) =>
        steps(MappingNetwork.For(Network.Value)).StartingWithin(1).Build();

    /// <summary>With trained parameters that are not all 0.</summary>
    private static FineTunedModel Moved(FineTunedModel model)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var tensor in model.TrainedTensors.Values)
            tensor.copy_(arange(tensor.numel(), dtype: float32).mul(0.01).add(0.1).view(tensor.shape));
        return model;
    }

    private static byte[] Saved<TModel>(TModel model, Action<TModel, string> save)
        where TModel : Model
    {
        using var folder = new ScratchFolder();
        var path = Path.Combine(folder.Path, "it");
        using (model)
            save(model, path);
        return File.ReadAllBytes(path);
    }

    private static string State(Model model)
    {
        using var weights = model.FlatWeights();
        return Subjects.Bits([weights, .. model.State.Tensors]) + (model is MappedModel mapped ? string.Join(',', mapped.Coefficients) : "");
    }

    private sealed class ScratchFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("mappingnets-fuzz-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
