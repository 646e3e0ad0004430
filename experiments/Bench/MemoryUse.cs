using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace MappingNets.Experiments.Bench;

/// <summary>The resident memory that one way of training costs beyond the process without it, measured in a process of its own.</summary>
/// <param name="Method">"direct", "mapped" or "dense-mapped".</param>
/// <param name="Target">The target network.</param>
/// <param name="Weights">P.</param>
/// <param name="Bytes">The largest resident memory after a step, beyond that before the model was built.</param>
/// <param name="BytesPerWeight">The same for each weight of the target.</param>
/// <param name="FixedWeightBytes">What building the mapping alone added.</param>
public sealed record MemoryPoint(string Method, string Target, long Weights, long Bytes, double BytesPerWeight, long FixedWeightBytes);

/// <summary>Measures memory in child processes, because one process's peak hides the next one's.</summary>
public static class MemoryUse
{
    /// <summary>Runs this program again as a child that measures one way of training.</summary>
    public static MemoryPoint Measure(string method, string target)
    {
        var words = ChildProcess.Words(["--memory-child", method, target], 3);
        var numbers = words.Select(word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        return new(method, target, numbers[0], numbers[1], (double)numbers[1] / numbers[0], numbers[2]);
    }

    /// <summary>The child: trains a few steps and prints P, the bytes beyond the start, and those of the mapping alone.</summary>
    public static void RunChild(string method, string target)
    {
        var (network, latents) = target switch
        {
            "cnn2" => (Targets.Cnn2(), 2048),
            "cnn1" => (Targets.Cnn1(), 2072),
            _ => (StepCase.Mlp25M(), 2048),
        };
        // One sample a step, so that the activations of the batch do not hide the weights.
        using var data = Dataset.FromTensors(
            torch.zeros([4, .. network.InputShape]), torch.zeros(4, dtype: torch.int64), [.. Enumerable.Range(0, 10).Select(index => $"{index}")]);
        using (var warm = DirectModel.For(TargetNetwork.Input(4).Linear(10).Build("warm")))
        using (var few = Dataset.FromTensors(torch.zeros(4, 4), torch.zeros(4, dtype: torch.int64), data.ClassNames))
            new Trainer(warm, new() { Epochs = 1 }).Fit(few);
        var before = Resident();
        using Model model = method == "direct"
            ? DirectModel.For(network)
            : MappingNetwork.For(network).SingleLatent(latents)
                .WithFixedWeights(method == "dense-mapped" ? FixedWeightsKind.Dense : FixedWeightsKind.SignedPermutation).Build();
        var mapping = Math.Max(0, Resident() - before);
        var peak = new Peak();
        new Trainer(model, new() { Epochs = 2, BatchSize = 1 }).Fit(data, progress: peak);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{network.ParameterCount} {peak.Bytes - before} {mapping}"));
    }

    /// <summary>The resident memory after each step, while weights, gradients and the optimiser's state are all there.</summary>
    private sealed class Peak : IProgress<TrainingProgress>
    {
        public long Bytes { get; private set; }

        public void Report(TrainingProgress value) => Bytes = Math.Max(Bytes, Resident());
    }

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
