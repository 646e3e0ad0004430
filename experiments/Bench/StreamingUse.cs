using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Bench;

/// <summary>What a step takes in one way of training, measured in a process of its own.</summary>
/// <param name="Target">The target network.</param>
/// <param name="Method">"direct, Adam", "direct, SGD", "mapped", "streamed", "streamed, heap kept" or "fine-tuned from disk".</param>
/// <param name="Weights">P.</param>
/// <param name="Batch">Samples a step.</param>
/// <param name="LargestLayerBytes">The weights of the largest layer in single precision.</param>
/// <param name="PeakBytes">The most private memory at any moment of building and training, beyond that before the model was built.</param>
/// <param name="Milliseconds">The median time of a step while memory is watched, which slows it down.</param>
public sealed record StreamingPoint(
    string Target, string Method, long Weights, int Batch, long LargestLayerBytes, long PeakBytes, double Milliseconds)
{
    /// <summary>What weights and gradients take at least in this way: 16 P with Adam, 8 P with SGD or mapped, two layers and 256 d bytes streamed.</summary>
    public long WeightBytes => Method switch
    {
        "direct, Adam" => 16 * Weights,
        "direct, SGD" or "mapped" => 8 * Weights,
        _ => (2 * LargestLayerBytes) + (256 * StreamingUse.Latents),
    };
}

/// <summary>Training with weights that are generated layer by layer beside what a user would do otherwise.</summary>
public static class StreamingUse
{
    /// <summary>d.</summary>
    public const int Latents = 2048;

    private const string FromDisk = "fine-tuned from disk";

    /// <summary>Streamed with the heap that keeps everything, as the other ways have it: faster, and freed gradients may stay in it.</summary>
    private const string HeapKept = "streamed, heap kept";

    private static readonly string[] Methods = ["direct, Adam", "direct, SGD", "mapped", HeapKept, "streamed"];

    private static readonly string[] Targets =
        ["mlp-10m", "mlp-100m", "mlp-25m", "mlp-500m", "mlp-1000m", "resnet-18", "transformer-110m", "resnet-50"];

    /// <summary>The cases. Above 5 * 10^8 weights only streaming fits into the memory of ordinary machines.</summary>
    /// <param name="quick">Whether to leave out the slow ones.</param>
    public static IEnumerable<(string Method, string Target)> Cases(bool quick) =>
    [
        .. from target in quick ? ["mlp-25m"] : Targets
           from method in Methods
           where target.StartsWith("mlp-", StringComparison.Ordinal) && target != "mlp-25m"
               ? method != HeapKept && (method == "streamed" || target != "mlp-1000m")
               : true
           select (method, target),
        .. quick ? Array.Empty<(string, string)>() : [(FromDisk, "mlp-4000m")],
    ];

    /// <summary>Runs this program again as a child that measures one way of training.</summary>
    public static StreamingPoint Measure(string method, string target)
    {
        var numbers = Numbers(method, target);
        return new(target, method, (long)numbers[0], (int)numbers[1], (long)numbers[2], (long)numbers[3], numbers[4]);
    }

    private static double[] Numbers(string method, string target) =>
        [.. ChildProcess.Words(["--streaming-child", method, target], 5).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];

    /// <summary>The child: trains a few steps and prints P, the batch, the largest layer, the peak and the time.</summary>
    public static void RunChild(string method, string target)
    {
        // As docs/performance.md advises for each: large blocks go back where layers come one at a time.
        var isStreamed = method is "streamed" or FromDisk;
        _ = isStreamed ? NativeHeap.RetainFreedMemory(below: 1 << 20) : NativeHeap.RetainFreedMemory();
        var (network, batch) = Network(target);
        var steps = target == "mlp-4000m" ? 1 : 2;
        using var data = Dataset.FromTensors(
            randn([batch * steps, .. network.InputShape]), zeros(batch * steps, dtype: int64), [.. Enumerable.Range(0, 10).Select(index => $"{index}")]);
        using (var warm = DirectModel.For(TargetNetwork.Input(4).Linear(10).Build("warm")))
        using (var few = Dataset.FromTensors(zeros(4, 4), zeros(4, dtype: int64), data.ClassNames))
            new Trainer(warm, new() { Epochs = 1 }).Fit(few);
        using var file = method == FromDisk ? new SyntheticBase(network) : null;
        using var memory = new PrivateMemory();
        using var pretrained = file is null ? null : PretrainedWeights.OnDisk(file.Path);
        using Model model = method switch
        {
            "mapped" => MappingNetwork.For(network).SingleLatent(Latents).Build(),
            "streamed" or HeapKept => MappingNetwork.For(network).SingleLatent(Latents).Streamed().Build(),
            FromDisk => FineTuning.Of(network, pretrained!).Mapping(mapping => mapping.SingleLatent(Latents)).Streamed().Build(),
            _ => DirectModel.For(network),
        };
        var optimizer = method == "direct, SGD" ? TrainingOptimizer.Sgd(momentum: 0) : TrainingOptimizer.Adam;
        var report = new Trainer(model, new() { Epochs = 1, BatchSize = batch, Optimizer = optimizer }).Fit(data);
        var largest = 4 * network.Layout.Layers.Max(layer => layer.Entries.Sum(entry => entry.Count));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{network.ParameterCount} {batch} {largest} {memory.PeakBytes} {report.MedianStepMilliseconds}"));
    }

    private static (TargetNetwork Network, int Batch) Network(string target) => target switch
    {
        "mlp-25m" => (StepCase.Mlp25M(), 16),
        "resnet-18" => (MappingNets.Targets.ResNet18(10, ResNetStem.Cifar), 16),
        "resnet-50" => (MappingNets.Targets.ResNet50(10, ResNetStem.Cifar), 16),
        "transformer-110m" => (MappingNets.Targets.VisionTransformer(10, features: 960, depth: 10, heads: 15), 4),
        "mlp-10m" => (Mlp(10, 1024), 16),
        "mlp-100m" => (Mlp(24, 2048), 16),
        "mlp-500m" => (Mlp(30, 4096), 16),
        "mlp-1000m" => (Mlp(60, 4096), 16),
        "mlp-4000m" => (Mlp(61, 8192), 16),
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
