using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Bench;

/// <summary>What a step takes in one way of training, measured in a process of its own.</summary>
/// <param name="Target">The target network.</param>
/// <param name="Method">"direct, Adam", "direct, SGD", "mapped" or "streamed".</param>
/// <param name="Weights">P.</param>
/// <param name="Batch">Samples a step.</param>
/// <param name="LargestTensorBytes">The largest weight tensor in single precision.</param>
/// <param name="PeakBytes">The most private memory at any moment of the steps, beyond that before the model was built.</param>
/// <param name="Milliseconds">The median time of a step.</param>
public sealed record StreamingPoint(
    string Target, string Method, long Weights, int Batch, long LargestTensorBytes, long PeakBytes, double Milliseconds);

/// <summary>Training with weights that are generated layer by layer beside what a user would do otherwise.</summary>
public static class StreamingUse
{
    private static readonly string[] Methods = ["direct, Adam", "direct, SGD", "mapped", "streamed"];

    /// <summary>The cases. Above 5 * 10^8 weights only streaming fits into the memory of ordinary machines.</summary>
    /// <param name="quick">Whether to leave out the slow ones.</param>
    public static IEnumerable<(string Method, string Target)> Cases(bool quick) =>
        from target in quick ? ["mlp-25m"] : new[] { "mlp-25m", "resnet-18", "resnet-50", "transformer-101m", "mlp-10m", "mlp-100m", "mlp-500m", "mlp-1000m" }
        from method in Methods
        where method == "streamed" || target != "mlp-1000m"
        select (method, target);

    /// <summary>Runs this program again as a child that measures one way of training.</summary>
    public static StreamingPoint Measure(string method, string target)
    {
        var words = ChildProcess.Words(["--streaming-child", method, target], 5);
        var numbers = words.Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        return new(target, method, (long)numbers[0], (int)numbers[1], (long)numbers[2], (long)numbers[3], numbers[4]);
    }

    /// <summary>The child: trains a few steps and prints P, the batch, the largest tensor, the peak and the time.</summary>
    public static void RunChild(string method, string target)
    {
        // As docs/performance.md advises for each: large blocks go back where layers come one at a time.
        _ = method == "streamed" ? NativeHeap.RetainFreedMemory(below: 1 << 20) : NativeHeap.RetainFreedMemory();
        var (network, batch) = Network(target);
        const int steps = 6;
        using var data = Dataset.FromTensors(
            zeros([batch * steps, .. network.InputShape]), zeros(batch * steps, dtype: int64), [.. Enumerable.Range(0, 10).Select(index => $"{index}")]);
        using (var warm = DirectModel.For(TargetNetwork.Input(4).Linear(10).Build("warm")))
        using (var few = Dataset.FromTensors(zeros(4, 4), zeros(4, dtype: int64), data.ClassNames))
            new Trainer(warm, new() { Epochs = 1 }).Fit(few);
        using var memory = new PrivateMemory();
        using Model model = method switch
        {
            "mapped" => MappingNetwork.For(network).SingleLatent(2048).Build(),
            "streamed" => MappingNetwork.For(network).SingleLatent(2048).Streamed().Build(),
            _ => DirectModel.For(network),
        };
        var optimizer = method == "direct, SGD" ? TrainingOptimizer.Sgd(momentum: 0) : TrainingOptimizer.Adam;
        var report = new Trainer(model, new() { Epochs = 1, BatchSize = batch, Optimizer = optimizer }).Fit(data);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{network.ParameterCount} {batch} {4 * network.Parameters.Max(parameter => parameter.Count)} {memory.PeakBytes} {report.MedianStepMilliseconds}"));
    }

    private static (TargetNetwork Network, int Batch) Network(string target) => target switch
    {
        "mlp-25m" => (StepCase.Mlp25M(), 128),
        "resnet-18" => (Targets.ResNet18(10, ResNetStem.Cifar), 128),
        "resnet-50" => (Targets.ResNet50(10, ResNetStem.Cifar), 16),
        "transformer-101m" => (Targets.VisionTransformer(10, features: 1024, depth: 8, heads: 16), 16),
        "mlp-10m" => (Mlp(10, 1024), 16),
        "mlp-100m" => (Mlp(24, 2048), 16),
        "mlp-500m" => (Mlp(30, 4096), 16),
        "mlp-1000m" => (Mlp(60, 4096), 16),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "There is no such network."),
    };

    private static TargetNetwork Mlp(int layers, long width)
    {
        var network = TargetNetwork.Input(784).Linear(width);
        for (var layer = 1; layer < layers; layer++)
            network = network.Residual(inner => inner.LayerNorm().ReLU().Linear(width));
        return network.Linear(10).Build("mlp");
    }
}
