using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Bench;

/// <summary>Whether training with weights that are generated layer by layer ends with the bits of training that holds them all.</summary>
/// <param name="Target">The target network.</param>
/// <param name="Weights">P.</param>
/// <param name="Loss">"task" or "all four terms".</param>
/// <param name="Steps">The steps of either training.</param>
/// <param name="Compared">The numbers that were compared: the latent and the network's buffers.</param>
/// <param name="Different">How many of them differ in a bit.</param>
public sealed record StreamedBits(string Target, long Weights, string Loss, int Steps, int Compared, int Different)
{
    private const int Batch = 8;
    private const int FiftySteps = 50;

    /// <summary>The networks, and the losses of each.</summary>
    public static IEnumerable<(string Name, TargetNetwork Target, LossOptions Loss)> Cases() =>
        from target in new (string Name, TargetNetwork Target)[]
        {
            ("cnn2", Targets.Cnn2()),
            ("resnet-18", Targets.ResNet18(10, ResNetStem.Cifar)),
            ("transformer", Targets.VisionTransformer(10, features: 64, depth: 4, heads: 4)),
            ("lstm", TargetNetwork.Input(24, 67).Lstm(64).Linear(10).Build("lstm")),
        }
        from loss in new[] { LossOptions.TaskOnly, LossOptions.Complete }
        select (target.Name, target.Target, loss);

    /// <summary>Trains both ways, 50 steps of 8 samples with Adam, and compares.</summary>
    /// <param name="name">What the table calls the network.</param>
    /// <param name="target">The network.</param>
    /// <param name="loss">The loss.</param>
    public static StreamedBits Compare(string name, TargetNetwork target, LossOptions loss)
    {
        using var data = StepTimes.Data(new(name, target, 2048, 0, FiftySteps), Batch);
        var mapping = MappingNetwork.For(target).SingleLatent(2048).WithSeed(1);
        var (held, streamed) = (Trained(mapping), Trained(mapping.Streamed()));
        return new(
            name, target.ParameterCount, loss.IsTaskOnly ? "task" : "all four terms", FiftySteps, held.Length, held.Zip(streamed).Count(pair => pair.First != pair.Second));

        int[] Trained(MappingNetwork way)
        {
            using var model = way.Build();
            new Trainer(model, new() { Epochs = 1, BatchSize = Batch, Seed = 1, Loss = loss }).Fit(data);
            using var scope = NewDisposeScope();
            return
            [
                .. model.state_dict().Values.SelectMany(tensor =>
                    tensor.detach().to(float32).data<float>().ToArray().Select(BitConverter.SingleToInt32Bits)),
            ];
        }
    }
}
