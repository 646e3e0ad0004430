using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Networks and data so small that a test trains in milliseconds.</summary>
public static class Small
{
    /// <summary>Four numbers to three classes, 115 weights in two layers.</summary>
    public static TargetNetwork Classifier() => TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("small-classifier");

    /// <summary>Four numbers to one, 97 weights in two layers.</summary>
    public static TargetNetwork Regressor() => TargetNetwork.Input(4).Linear(16).Tanh().Linear(1).Build("small-regressor");

    /// <summary>An image network with every kind of weight, 85 of them.</summary>
    public static TargetNetwork Images() =>
        TargetNetwork.Input(1, 6, 6).Conv2d(3, 3).ReLU().MaxPool2d(2).Flatten().Linear(3).Tanh().Linear(4).Build("small-images");

    /// <summary>Points and the class that a linear rule gives them: one network's work to learn.</summary>
    public static Dataset Classes(int count = 96, ulong seed = 1)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        var inputs = randn([count, 4], generator: generator);
        var rule = tensor(new float[,] { { 1, -1, 0 }, { 1, 1, -1 }, { -1, 0, 1 }, { 0, 1, -1 } });
        return Dataset.FromTensors(inputs, inputs.matmul(rule).argmax(1), ["a", "b", "c"]);
    }

    /// <summary>Points and a number that depends on them.</summary>
    public static Dataset Numbers(int count = 96, ulong seed = 1)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        var inputs = randn([count, 4], generator: generator);
        return Dataset.FromTensors(inputs, inputs.matmul(tensor([0.5f, -0.3f, 0.2f, 0.4f])).unsqueeze(1));
    }

    /// <summary>Numbers evenly spread over [0, 1), the same in every run: torch's own generator is the process's, and other tests draw from it.</summary>
    public static Tensor Uniform(params long[] shape)
    {
        using var generator = new Generator(1);
        return rand(shape, generator: generator);
    }

    public static MappedModel Slvt(int latents = 24, ulong seed = 7) =>
        MappingNetwork.For(Classifier()).SingleLatent(latents).WithSeed(seed).Build();

    public static MappedModel Lwt(int latents = 24, ulong seed = 7) =>
        MappingNetwork.For(Classifier()).LayerWise(latents).WithSeed(seed).Build();

    /// <summary>Every trained parameter of a model, one after the other.</summary>
    public static float[] State(Model model) => [.. model.Trainables.SelectMany(Values)];

    public static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().cpu().contiguous().data<float>().ToArray();
    }

    /// <summary>The bits of a tensor's numbers, which tell -0 from 0 and one NaN from another.</summary>
    public static int[] Bits(Tensor tensor) => [.. Values(tensor).Select(BitConverter.SingleToInt32Bits)];
}

/// <summary>Hears of progress at once and on the same thread, as <see cref="Progress{T}"/> does not.</summary>
public sealed class Listener(Action<TrainingProgress>? then = null) : IProgress<TrainingProgress>
{
    public List<TrainingProgress> Heard { get; } = [];

    public void Report(TrainingProgress value)
    {
        Heard.Add(value);
        then?.Invoke(value);
    }
}
