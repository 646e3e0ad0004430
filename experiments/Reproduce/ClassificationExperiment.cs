using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The paper's first table: CNN1 and CNN2, directly, through one latent and through one for each layer, with Adam; and the same
/// latents trained by the whole matrix of their gradient's second moments, on the labels and on what directly trained networks say, the best
/// found so far.
/// </summary>
internal sealed class ClassificationExperiment : TableExperiment
{
    /// <summary>A step of CNN1 takes about five times as long as one of CNN2.</summary>
    private const double Cnn1Cost = 5;

    public override string Name => "classification";

    public override string Summary => "CNN1 and CNN2: direct training, one latent for the network (SLVT) and one for each layer (LWT).";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        Direct("cnn2", Cnn2),
        Slvt("cnn2", Cnn2, 1_024),
        Slvt("cnn2", Cnn2, 2_048),
        Lwt("cnn2", Cnn2, 1_872),
        Lwt("cnn2", Cnn2, 2_688),
        FullMatrix(Slvt("cnn2", Cnn2, 2_048)),
        FullMatrix(Lwt("cnn2", Cnn2, 2_688)),
        Distilled(Slvt("cnn2", Cnn2, 2_048)),
        Distilled(Lwt("cnn2", Cnn2, 2_688)),
        // What the same epochs, batches, labels and teachers bring a network whose weights are all trained.
        Direct("cnn2", Cnn2) with { Name = "cnn2-direct-smoothed", Label = "CNN2 direct, smoothed labels", Change = Smoothed },
        Direct("cnn2", Cnn2) with { Name = "cnn2-direct-distilled", Label = "CNN2 direct, distilled", Change = options => options with { BatchSize = 64 }, IsTaught = true, Cost = 2 },
        Direct("cnn1", Cnn1) with { Cost = Cnn1Cost },
        Slvt("cnn1", Cnn1, 1_024) with { Cost = Cnn1Cost },
        Slvt("cnn1", Cnn1, 2_072) with { Cost = Cnn1Cost },
        Lwt("cnn1", Cnn1, 4_078) with { Cost = Cnn1Cost },
        Distilled(Lwt("cnn1", Cnn1, 4_078) with { Cost = Cnn1Cost }),
    ];

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 20) };

    private static TargetNetwork Cnn1() => Targets.Cnn1();

    private static TargetNetwork Cnn2() => Targets.Cnn2();

    private static ExperimentRow Direct(string name, Func<TargetNetwork> target) =>
        new($"{name}-direct", $"{name.ToUpperInvariant()} direct", seed => DirectModel.For(target(), seed));

    private static ExperimentRow Slvt(string name, Func<TargetNetwork> target, int latents) => new(
        FormattableString.Invariant($"{name}-slvt-{latents}"),
        FormattableString.Invariant($"{name.ToUpperInvariant()} SLVT {latents:N0}"),
        seed => MappingNetwork.For(target()).SingleLatent(latents).WithSeed(seed).Build());

    private static ExperimentRow Lwt(string name, Func<TargetNetwork> target, int latents) => new(
        FormattableString.Invariant($"{name}-lwt-{latents}"),
        FormattableString.Invariant($"{name.ToUpperInvariant()} LWT {latents:N0}"),
        seed => MappingNetwork.For(target()).LayerWise(latents).WithSeed(seed).Build());

    private static ExperimentRow FullMatrix(ExperimentRow row) => row with
    {
        Name = row.Name + "-second-order",
        Label = row.Label + ", full-matrix Adam",
        Change = options => Smoothed(options) with { Optimizer = TrainingOptimizer.FullMatrix },
    };

    // The batch of the distilled rows; smoothed labels narrow the gap between training and held-out images as a teacher does, if less.
    private static TrainingOptions Smoothed(TrainingOptions options) => options with { BatchSize = 64, LabelSmoothing = 0.1 };

    private static ExperimentRow Distilled(ExperimentRow row) => row with
    {
        Name = row.Name + "-distilled",
        Label = row.Label + ", full-matrix Adam, distilled",
        // Half of the usual batch: chosen on held-out images.
        Change = options => options with { Optimizer = TrainingOptimizer.FullMatrix, BatchSize = 64 },
        IsTaught = true,
        Cost = row.Cost + 1,
    };
}
