using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The paper's ablation of the mapping loss on CNN2: the task's loss alone, with the stability or the smoothness term, with
/// smoothness and alignment, and all. Coefficients start at the re-run's and are balanced; all four terms are also trained with plain
/// coefficients, which collapse, and with bounded ones, which saturate.
/// The mapping has the re-run's tanh and modulation: with the identity and none, the smoothness term is a constant and teaches nothing.
/// tanh keeps every weight below its scale, so the scale is twice that of the other experiments, and the rate too: chosen on held-out
/// images.
/// </summary>
internal sealed class LossAblationExperiment : TableExperiment
{
    private const double Alpha = 3e-5;

    private const double Gain = 2;

    private static readonly LossOptions Complete = LossOptions.Complete;

    private static readonly (string Name, string Label, LossOptions Loss)[] Losses =
    [
        ("task", "task", LossOptions.TaskOnly),
        ("stability", "task + stability", LossOptions.TaskOnly.WithStability(Complete.Stability)),
        ("smoothness", "task + smoothness", LossOptions.TaskOnly.WithSmoothness(Complete.Smoothness)),
        ("smoothness-alignment", "task + smoothness + alignment",
            LossOptions.TaskOnly.WithSmoothness(Complete.Smoothness).WithAlignment(Complete.Alignment)),
        ("all", "all four", Complete),
        ("all-bounded", "all four, bounded", Of(LossCoefficient.Bounded)),
        ("all-plain", "all four, plain", Of(LossCoefficient.Plain)),
    ];

    public override string Name => "loss-ablation";

    public override string Summary => "CNN2 with the terms of the mapping loss one after the other, SLVT 2,048 and LWT 2,688, tanh, alpha = 0.00003, gain 2. "
        + "Coefficients are balanced, or where a row says so bounded or plain (trained, with and without bounds).";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        .. RowsOf("slvt", "SLVT 2,048", mapping => mapping.SingleLatent(2_048)),
        .. RowsOf("lwt", "LWT 2,688", mapping => mapping.LayerWise(2_688)),
    ];

    protected override TrainingOptions Training(ExperimentOptions options) => new()
    {
        Epochs = options.Epochs ?? (options.Quick ? 1 : 20),
        LearningRate = 0.1,
    };

    protected override string Remarks(ReportFile report) => TermTable.Of(report.Runs);

    private static LossOptions Of(Func<double, LossCoefficient> rule) => LossOptions.TaskOnly
        .WithStability(rule(Complete.Stability.Value)).WithSmoothness(rule(Complete.Smoothness.Value)).WithAlignment(rule(Complete.Alignment.Value));

    private static IEnumerable<ExperimentRow> RowsOf(string name, string label, Func<MappingNetwork, MappingNetwork> split) =>
        Losses.Select(loss => new ExperimentRow(
            $"{name}-{loss.Name}", $"{label}: {loss.Label}", seed => Build(split, seed))
        {
            Settings = new Dictionary<string, string> { ["mapping"] = FormattableString.Invariant($"tanh, alpha {Alpha}, gain {Gain}") },
            Change = options => options with { Loss = loss.Loss },
            // The stability term runs the target twice.
            Cost = !loss.Loss.Stability.IsOff ? 2 : 1,
        });

    private static MappedModel Build(Func<MappingNetwork, MappingNetwork> split, ulong seed) =>
        split(MappingNetwork.For(Targets.Cnn2())).WithActivation(MappingActivation.Tanh).WithAdditiveModulation(Alpha).WithGain(Gain)
            .WithSeed(seed).Build();
}
