using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Accuracy against the bytes of a checkpoint: latents beside quantised, pruned and factored weights, all behind the same entropy coder.</summary>
internal sealed class BytesExperiment : TableExperiment
{
    private const string Layer = "fc1";

    public override string Name => "bytes";

    public override string Summary =>
        "CNN2's accuracy against the bytes of its file: latents, and weights that are quantised, pruned or of low rank, from 0.5 to 400 KB, entropy-coded.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        new("direct", "direct", seed => DirectModel.For(Targets.Cnn2(), seed)) { Examine = Weights },
        LowRank(8),
        LowRank(2),
        Pruned(10_862),
        Pruned(2_716),
        Slvt(64),
        Slvt(256),
        Slvt(1_024),
        Slvt(2_048),
        new("lwt-2688", "LWT 2,688", seed => MappingNetwork.For(Targets.Cnn2()).LayerWise(2_688).WithSeed(seed).Build()) { Examine = Latent },
    ];

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 8) };

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        const string front = "accuracy-against-bytes.png";
        QuantizationReport.Draw(report.Runs, $"CNN2 on {report.Dataset}: accuracy against the file's bytes", options.File(front));
        return [front, .. base.Draw(report, options)];
    }

    public override string? Digest(ReportFile report) => QuantizationReport.Grid(report.Runs);

    protected override string? Remarks(ReportFile report) => QuantizationReport.Markdown(report.Runs);

    private static ExperimentRow LowRank(int rank) => new(
        FormattableString.Invariant($"direct-rank-{rank}"), FormattableString.Invariant($"direct, fc1 of rank {rank}"),
        seed => DirectModel.For(Targets.Cnn2().LowRank(Layer, rank), seed))
    { Examine = Weights };

    private static ExperimentRow Pruned(int kept) => new(
        FormattableString.Invariant($"direct-kept-{kept}"), FormattableString.Invariant($"direct, pruned to {kept:N0}"),
        seed => DirectModel.For(Targets.Cnn2(), seed))
    {
        Then = trained => trained.PrunedTo(kept, rate: Continuation.PrunedRate),
        Settings = new Dictionary<string, string> { [RunPlan.ContinuedRateSetting] = RunPlan.RateText(Continuation.PrunedRate) },
        Examine = Weights,
        Cost = 1.5,
    };

    private static ExperimentRow Slvt(int latents) => new(
        FormattableString.Invariant($"slvt-{latents}"), FormattableString.Invariant($"SLVT {latents:N0}"),
        seed => MappingNetwork.For(Targets.Cnn2()).SingleLatent(latents).WithSeed(seed).Build())
    { Examine = Latent };

    private static RunRecord Weights(Model model, ExperimentData data, RunRecord run) =>
        run with { Quantized = QuantizedFiles.OfWeights(model, data, Enum.GetValues<StoredPrecision>()) };

    private static RunRecord Latent(Model model, ExperimentData data, RunRecord run) =>
        run with { Quantized = QuantizedFiles.OfLatent((MappedModel)model, data) };
}
