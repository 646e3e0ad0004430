using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's add-ons, low rank and pruning, and quantisation of weights and latents: direct, SLVT and LWT.</summary>
internal sealed class AddOnsExperiment : TableExperiment
{
    private const string Layer = "fc1";
    private const int Rank = 32;

    /// <summary>The default rate of latents, at which they go on after pruning.</summary>
    private const double LatentRate = 0.05;

    /// <summary>A tenth of CNN2's weights.</summary>
    private const int Kept = 10_862;

    public override string Name => "add-ons";

    public override string Summary => "CNN2 with low rank, pruning to a tenth, and quantisation to fp16, int8 and int4: direct, SLVT and LWT.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        new("direct", "direct", Direct) { Examine = (model, data, run) => run with { Quantized = QuantizedFiles.OfWeights(model, data) } },
        new("direct-low-rank", "direct, low rank", seed => ParameterCounts.Held(DirectModel.For(LowRank(), seed), 35_914)),
        new("direct-prune", "direct, pruned", Direct)
        {
            Then = trained => ParameterCounts.Held(trained.PrunedTo(Kept, rate: Continuation.PrunedRate), Kept),
            Settings = KeptAt(Continuation.PrunedRate),
            Cost = 1.5,
        },
        new("slvt", "SLVT 2,048", Slvt) { Examine = Quantized },
        new("slvt-low-rank", "SLVT, low rank", seed => ParameterCounts.Held(MappingNetwork.For(LowRank()).SingleLatent(1_456).WithSeed(seed).Build(), 1_456)),
        new("slvt-prune", "SLVT, pruned", Slvt) { Then = trained => trained.PrunedTo(Kept), Settings = KeptAt(LatentRate), Cost = 1.5 },
        new("lwt", "LWT 2,688", Lwt) { Examine = Quantized },
        new("lwt-low-rank", "LWT, low rank", seed => ParameterCounts.Held(MappingNetwork.For(LowRank()).LayerWise(2_688).WithSeed(seed).Build(), 2_688)),
        new("lwt-prune", "LWT, pruned", Lwt) { Then = trained => trained.PrunedTo(Kept), Settings = KeptAt(LatentRate), Cost = 1.5 },
    ];

    private static Dictionary<string, string> KeptAt(double rate) =>
        new() { ["kept"] = FormattableString.Invariant($"{Kept}"), [RunPlan.ContinuedRateSetting] = RunPlan.RateText(rate) };

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 8) };

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        var pictures = base.Draw(report, options);
        if (report.Runs.All(run => run.Quantized is null))
            return pictures;
        QuantizationReport.Draw(report.Runs, $"CNN2 on {report.Dataset}, quantised", options.File("quantised.png"));
        return [.. pictures, "quantised.png"];
    }

    protected override string? Remarks(ReportFile report) => QuantizationReport.Markdown(report.Runs);

    private static DirectModel Direct(ulong seed) => DirectModel.For(Targets.Cnn2(), seed);

    private static MappedModel Slvt(ulong seed) => MappingNetwork.For(Targets.Cnn2()).SingleLatent(2_048).WithSeed(seed).Build();

    private static MappedModel Lwt(ulong seed) => MappingNetwork.For(Targets.Cnn2()).LayerWise(2_688).WithSeed(seed).Build();

    private static TargetNetwork LowRank() => Targets.Cnn2().LowRank(Layer, Rank);

    private static RunRecord Quantized(Model model, ExperimentData data, RunRecord run) => run with
    {
        Quantized = [.. QuantizedFiles.OfWeights(model, data), .. QuantizedFiles.OfLatent((MappedModel)model, data)],
    };
}
