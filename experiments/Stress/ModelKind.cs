using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Stress;

/// <summary>A kind of model with the data and options that train it for some dozens of steps.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Build">Makes the model, always the same one.</param>
/// <param name="Data">Makes its training set, always the same one.</param>
/// <param name="Options">How it is trained.</param>
/// <param name="OtherParameters">
/// How many Parameters a run makes beside the model's: one for a loss's trained coefficients, and one in which the second-order optimiser
/// keeps its rate.
/// </param>
internal sealed record ModelKind(string Name, Func<Model> Build, Func<Dataset> Data, TrainingOptions Options, int OtherParameters = 0)
{
    private const int Samples = 192;
    private const int Latents = 24;
    private static readonly TrainingOptions Plain = new() { Epochs = 4, BatchSize = 16, Seed = 3 };
    private static readonly Lazy<PretrainedWeights> Pretrained = new(() =>
    {
        using var model = DirectModel.For(Points(), seed: 4);
        return PretrainedWeights.Of(model);
    });

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<ModelKind> All { get; } =
    [
        new("slvt", () => Slvt(Points()).Build(), PointData, Plain),
        new("lwt", () => Lwt().Build(), PointData, Plain with { Loss = LossOptions.Complete, ValidationFraction = 0.25, RestoreBest = true }, OtherParameters: 1),
        new("tanh", () => Slvt(Points()).WithActivation(MappingActivation.Tanh).Build(), PointData, Plain),
        new("batch-norm", () => Slvt(Pictures()).Build(), PictureData, Plain with { Loss = LossOptions.Complete }, OtherParameters: 1),
        new("second-order", () => Slvt(Points()).Build(), PointData, Plain with { Optimizer = TrainingOptimizer.FullMatrix }, OtherParameters: 1),
        new("direct", () => DirectModel.For(Points(), seed: 5), PointData, Plain),
        new("generated", Generated, PointData, Plain),
        new("groups", () => OnTop().Groups(40).Build(), PointData, Plain),
        new("mapping", () => OnTop().Mapping(mapping => mapping.SingleLatent(12).WithTrainableScales()).Build(), PointData, Plain),
        new("lora", () => OnTop().LowRank(2).Build(), PointData, Plain),
    ];

    /// <summary>The kind of a name.</summary>
    public static ModelKind Of(string name) => All.Single(kind => kind.Name == name);

    /// <summary>Trains a model of this kind from its start.</summary>
    /// <param name="resumeFile">The file of the run's state, or null.</param>
    /// <param name="cancellation">Ends the run between steps.</param>
    /// <returns>The trained model, which the caller disposes, and its steps.</returns>
    public (Model Model, long Steps) Train(string? resumeFile = null, CancellationToken cancellation = default)
    {
        using var data = Data();
        var model = Build();
        try
        {
            return (model, new Trainer(model, Options).Fit(data, resumeFile: resumeFile, cancellation: cancellation).Steps);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A model with the state that <see cref="Save"/> wrote.</summary>
    public Model Load(string path)
    {
        if (Name == "direct")
        {
            using var weights = PretrainedWeights.FromFile(path);
            return FineTuning.Of(Points(), weights).WholeWeights().Build();
        }

        using var like = Build();
        switch (like)
        {
            case MappedModel:
                return MappedModel.LoadAdapter(path, like.Target);
            case FineTunedModel:
                return FineTunedModel.LoadAdapter(path, like.Target, Pretrained.Value);
            default:
                var generated = Generated();
                generated.LoadTrained(path);
                return generated;
        }
    }

    /// <summary>The base of the fine-tuned kinds.</summary>
    public static PretrainedWeights Base => Pretrained.Value;

    /// <summary>The network of most kinds: four numbers to three classes, 115 weights.</summary>
    public static TargetNetwork Points() => TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("stress-points");

    /// <summary>Points and their classes, always the same.</summary>
    public static Dataset PointData() => Synthetic(4);

    private static TargetNetwork Pictures() =>
        TargetNetwork.Input(1, 8, 8).Conv2d(4, 3).BatchNorm2d().ReLU().MaxPool2d(2).Flatten().Linear(3).Build("stress-pictures");

    private static Dataset PictureData() => Synthetic(1, 8, 8);

    private static MappingNetwork Slvt(TargetNetwork target) => MappingNetwork.For(target).SingleLatent(Latents).WithSeed(5);

    private static MappingNetwork Lwt() =>
        MappingNetwork.For(Points()).LayerWise(Latents).WithTrainableScales().WithAdditiveModulation(0.01).WithSeed(5);

    private static FineTuning OnTop() => FineTuning.Of(Points(), Base).WithSeed(5);

    private static GeneratedModel Generated() => GeneratedModel.For(
        Points(), "wave", [new("start", ones(115).mul(0.1f)), new("slope", ones(1))],
        trained => trained[0] + (trained[1] * arange(115).to(float32).sin()));

    private static Dataset Synthetic(params long[] shape)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var inputs = randn([Samples, .. shape], generator: generator);
        return Dataset.FromTensors(inputs, inputs.reshape(Samples, -1).narrow(1, 0, 3).argmax(1), ["a", "b", "c"]);
    }
}
