using TorchSharp;

namespace MappingNets.Experiments.Bench;

/// <summary>A target of the step-time comparison.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Target">The network.</param>
/// <param name="Latents">d.</param>
/// <param name="Goal">The largest ratio that mapped training may cost at batch 128.</param>
/// <param name="Steps">How many steps make one measurement; their median counts.</param>
public sealed record StepCase(string Name, TargetNetwork Target, int Latents, double Goal, int Steps)
{
    /// <summary>The cases, the small ones alone for a quick run.</summary>
    /// <param name="quick">Whether to leave out the slow ones.</param>
    public static IReadOnlyList<StepCase> All(bool quick) => quick
        ? [Cnn2(6), Mlp(3)]
        :
        [
            Cnn1(8),
            Cnn2(20),
            new("lstm", Targets.Lstm(), 1024, 1.05, 100),
            ResNet18(3),
            Mlp(4),
        ];

    /// <summary>CNN1 with its 2,072 latents.</summary>
    public static StepCase Cnn1(int steps) => new("cnn1", Targets.Cnn1(), 2072, 1.05, steps);

    /// <summary>CNN2 with its 2,048 latents.</summary>
    public static StepCase Cnn2(int steps) => new("cnn2", Targets.Cnn2(), 2048, 1.05, steps);

    /// <summary>ResNet-18 with 20,000 latents.</summary>
    public static StepCase ResNet18(int steps) => new("resnet-18", Targets.ResNet18(10, ResNetStem.Cifar), 20_000, 1.05, steps);

    /// <summary>The MLP with 2,048 latents.</summary>
    public static StepCase Mlp(int steps) => new("mlp-25m", Mlp25M(), 2048, 1.00, steps);

    /// <summary>25.3 million weights in four layers.</summary>
    public static TargetNetwork Mlp25M() => TargetNetwork.Input(784)
        .Linear(4096).ReLU().Linear(4096).ReLU().Linear(1280).ReLU().Linear(10).Build("mlp-25m");
}

/// <summary>Step time of mapped training over that of direct training with Adam: same target, batch, threads and trainer.</summary>
public static class StepTimes
{
    /// <summary>Mapped (task loss, signed permutation) against direct.</summary>
    public static Ratio MappedAgainstDirect(StepCase @case, int batch, int pairs, LossOptions? loss = null, double? goal = null)
    {
        using var data = Data(@case, batch);
        using var mapped = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).WithAdditiveModulationIf(loss is not null).Build();
        using var direct = DirectModel.For(@case.Target);
        var terms = loss switch
        {
            null => "",
            { StabilityShare: < 1 } => FormattableString.Invariant($" with all four terms, stability on {loss.StabilityShare} of the batch"),
            _ => " with all four terms",
        };
        return Ratio.Measure(
            FormattableString.Invariant($"{@case.Name} d={@case.Latents} batch {batch}: mapped{terms} / direct"),
            "ms a step", pairs,
            () => Step(mapped, data, batch, loss), () => Step(direct, data, batch, null), atMost: goal);
    }

    /// <summary>Streamed against mapped, both with the heap that keeps what is freed.</summary>
    public static Ratio StreamedAgainstMapped(StepCase @case, int pairs)
    {
        const int batch = 128;
        using var data = Data(@case, batch);
        using var streamed = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Streamed().Build();
        using var mapped = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Build();
        return Ratio.Measure(
            FormattableString.Invariant($"{@case.Name} d={@case.Latents} batch {batch}: streamed / mapped"), "ms a step", pairs,
            () => Step(streamed, data, batch, null), () => Step(mapped, data, batch, null), atMost: 1.15);
    }

    /// <summary>Matrix-free against the paper's dense fixed weights, both mapped.</summary>
    public static Ratio DenseAgainstMatrixFree(StepCase @case, int batch, int pairs)
    {
        using var data = Data(@case, batch);
        using var free = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Build();
        using var dense = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).WithFixedWeights(FixedWeightsKind.Dense).Build();
        return Ratio.Measure(
            FormattableString.Invariant($"{@case.Name} d={@case.Latents} batch {batch}: dense / matrix-free"), "ms a step", pairs,
            () => Step(dense, data, batch, null), () => Step(free, data, batch, null), atLeast: 5);
    }

    /// <summary>A step with d latents against one with 2,048, task loss, signed permutation.</summary>
    public static Ratio AgainstLatents(StepCase @case, int batch, int latents, int pairs)
    {
        using var data = Data(@case, batch);
        using var these = MappingNetwork.For(@case.Target).SingleLatent(latents).Build();
        using var others = MappingNetwork.For(@case.Target).SingleLatent(2048).Build();
        return Ratio.Measure(
            FormattableString.Invariant($"{@case.Name} batch {batch}, mapped: d={latents} / d=2048"), "ms a step", pairs,
            () => Step(these, data, batch, null), () => Step(others, data, batch, null), atMost: 1.1);
    }

    /// <summary>Milliseconds of a mapped step, task loss.</summary>
    public static double Mapped(StepCase @case, int batch)
    {
        using var data = Data(@case, batch);
        using var mapped = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Build();
        return Step(mapped, data, batch, null);
    }

    private static MappingNetwork WithAdditiveModulationIf(this MappingNetwork network, bool modulated) =>
        modulated ? network.WithAdditiveModulation(3e-5) : network;

    internal static double Step(Model model, Dataset data, int batch, LossOptions? loss) =>
        new Trainer(model, new() { Epochs = 1, BatchSize = batch, LearningRate = 1e-4, Loss = loss ?? LossOptions.TaskOnly })
            .Fit(data).MedianStepMilliseconds;

    internal static Dataset Data(StepCase @case, int batch)
    {
        torch.random.manual_seed(1);
        var count = batch * @case.Steps;
        var classes = (int)@case.Target.OutputShape[0];
        if (classes == 1)
            return Dataset.FromTensors(torch.randn([count, .. @case.Target.InputShape]), torch.randn(count, 1));
        return Dataset.FromTensors(
            torch.randn([count, .. @case.Target.InputShape]),
            torch.randint(0, classes, count, dtype: torch.int64),
            [.. Enumerable.Range(0, classes).Select(index => index.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
    }
}
