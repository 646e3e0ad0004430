using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Stress;

/// <summary>A kind of model with the data and options that train it for some dozens of steps.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Build">Makes the model, always the same one.</param>
/// <param name="Data">Makes its training set, always the same one.</param>
/// <param name="Options">How it is trained.</param>
/// <param name="WithResumeFile">Whether it trains with a resume file, each save of which sets off a collection, and without pressure.</param>
internal sealed record StressCase(string Name, Func<Model> Build, Func<Dataset> Data, TrainingOptions Options, bool WithResumeFile = false)
{
    private const int Samples = 192;
    private static readonly TrainingOptions Plain = new() { Epochs = 4, BatchSize = 16, Seed = 3 };

    /// <summary>The six kinds of model, and batch norm with a resume file.</summary>
    public static IReadOnlyList<StressCase> All { get; } =
    [
        new("batch-norm", () => MappingNetwork.For(Pictures()).SingleLatent(24).WithSeed(5).Build(), PictureData, Plain with { Loss = LossOptions.Complete }),
        new("slvt", () => MappingNetwork.For(Points()).SingleLatent(24).WithSeed(5).Build(), PointData, Plain),
        new("direct", () => DirectModel.For(Points(), seed: 5), PointData, Plain),
        new("tanh", () => MappingNetwork.For(Points()).SingleLatent(24).WithActivation(MappingActivation.Tanh).WithSeed(5).Build(), PointData, Plain),
        new("second-order", () => MappingNetwork.For(Points()).SingleLatent(24).WithSeed(5).Build(), PointData, Plain with { Optimizer = TrainingOptimizer.FullMatrix }),
        new("lora", LowRank, PointData, Plain),
        new("resume-file", () => MappingNetwork.For(Pictures()).SingleLatent(24).WithSeed(5).Build(), PictureData, Plain with { Epochs = 16, Loss = LossOptions.Complete }, WithResumeFile: true),
    ];

    private static TargetNetwork Points() => TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("stress-points");

    private static TargetNetwork Pictures() =>
        TargetNetwork.Input(1, 8, 8).Conv2d(4, 3).BatchNorm2d().ReLU().MaxPool2d(2).Flatten().Linear(3).Build("stress-pictures");

    private static Model LowRank()
    {
        using var pretrained = DirectModel.For(Points(), seed: 4);
        using var weights = PretrainedWeights.Of(pretrained);
        return FineTuning.Of(Points(), weights).LowRank(2).WithSeed(5).Build();
    }

    private static Dataset PointData() => Synthetic(4);

    private static Dataset PictureData() => Synthetic(1, 8, 8);

    private static Dataset Synthetic(params long[] shape)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var inputs = randn([Samples, .. shape], generator: generator);
        return Dataset.FromTensors(inputs, inputs.reshape(Samples, -1).narrow(1, 0, 3).argmax(1), ["a", "b", "c"]);
    }
}
