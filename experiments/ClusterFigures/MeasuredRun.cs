using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>A short training of a network by some workers, on random inputs: bytes and times do not depend on them.</summary>
/// <param name="Network">One of <see cref="Networks"/>.</param>
/// <param name="Method">"mapped" or "direct".</param>
/// <param name="Workers">How many workers share each step, a part each.</param>
/// <param name="BatchSize">How many samples a part has.</param>
/// <param name="Steps">How many steps there are.</param>
internal sealed record MeasuredRun(string Network, string Method, int Workers, int BatchSize, int Steps)
{
    /// <summary>The latent's length.</summary>
    public const int Latents = 2048;

    /// <summary>The networks, the smallest first.</summary>
    public static IReadOnlyList<string> Networks { get; } = ["CNN2", "ResNet-18", "MLP 24M"];

    /// <summary>Plain descent: an optimiser's state would only add to the time of direct training.</summary>
    public TrainingOptions Options =>
        new() { Epochs = 1, BatchSize = BatchSize, GradientAccumulation = Workers, Optimizer = TrainingOptimizer.Sgd(momentum: 0) };

    /// <summary>The model at its start.</summary>
    public Model Build() => Method == "direct"
        ? DirectModel.For(Target(), seed: 1)
        : MappingNetwork.For(Target()).SingleLatent(Latents).WithSeed(1).Build();

    /// <summary>The samples of all steps, the same for every worker.</summary>
    public Dataset Data()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var count = Workers * BatchSize * Steps;
        var (input, classes) = Network switch
        {
            "CNN2" => (new long[] { 1, 28, 28 }, 10),
            "ResNet-18" => ([3, 224, 224], (int)Target().OutputShape[0]),
            _ => ([784], 10),
        };
        return Dataset.FromTensors(
            randn([count, .. input], generator: generator), randint(classes, [count], dtype: int64, generator: generator),
            [.. Enumerable.Range(0, classes).Select(number => number.ToString(CultureInfo.InvariantCulture))]);
    }

    /// <summary>The run as arguments of a program.</summary>
    public IReadOnlyList<string> ToArguments() =>
        [Network, Method, .. new[] { Workers, BatchSize, Steps }.Select(number => number.ToString(CultureInfo.InvariantCulture))];

    /// <summary>The run of such arguments.</summary>
    public static MeasuredRun Parse(IReadOnlyList<string> arguments)
    {
        int Number(int place) => int.Parse(arguments[place], CultureInfo.InvariantCulture);
        return new(arguments[0], arguments[1], Number(2), Number(3), Number(4));
    }

    private TargetNetwork Target() => Network switch
    {
        "CNN2" => Targets.Cnn2(),
        "ResNet-18" => Targets.ResNet18(),
        "MLP 24M" => Targets.Mlp(784, [5000, 4000]),
        _ => throw new ArgumentException($"There is no network '{Network}'; there are {string.Join(", ", Networks)}."),
    };
}
