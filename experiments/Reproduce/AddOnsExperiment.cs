using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.Rivals.Compression;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's add-ons, low rank and pruning, and quantisation of weights and latents: direct, SLVT and LWT.</summary>
internal sealed class AddOnsExperiment : TableExperiment
{
    private const string Matrix = "fc1.weight";
    private const int Rank = 32;

    private const string MaskNotes = "The file omits the mask, which takes at least 6.4 KB.";

    /// <summary>A tenth of CNN2's weights.</summary>
    private const int Kept = 10_862;

    public override string Name => "add-ons";

    public override string Summary => "CNN2 with low rank, pruning to a tenth, and quantisation to fp16, int8 and int4: direct, SLVT and LWT.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        new("direct", "direct", Direct) { Examine = (model, data, run) => run with { Quantized = QuantizedModels.OfWeights(model, data) } },
        new("direct-low-rank", "direct, low rank", seed => ParameterCounts.Held(LowRank().Direct(seed), 35_914)),
        new("direct-prune", "direct, pruned", Direct)
        {
            Then = trained => Tuned(trained, ParameterCounts.Held(PrunedModel.OfDirect(trained.Trained, Kept), Kept)),
            Settings = Pruning,
            Cost = 1.5,
            Notes = MaskNotes,
        },
        new("slvt", "SLVT 2,048", Slvt) { Examine = Quantized },
        new("slvt-low-rank", "SLVT, low rank", seed => ParameterCounts.Held(LowRank().SingleLatent(1_456, seed), 1_456)),
        new("slvt-prune", "SLVT, pruned", Slvt) { Then = Pruned, Settings = Pruning, Cost = 1.5, Notes = MaskNotes },
        new("lwt", "LWT 2,688", Lwt) { Examine = Quantized },
        new("lwt-low-rank", "LWT, low rank", seed => ParameterCounts.Held(LowRank().LayerWise(2_688, seed), 2_688)),
        new("lwt-prune", "LWT, pruned", Lwt) { Then = Pruned, Settings = Pruning, Cost = 1.5, Notes = MaskNotes },
    ];

    private static Dictionary<string, string> Pruning { get; } = new() { ["kept"] = FormattableString.Invariant($"{Kept}") };

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

    private static LowRankLayer LowRank() => new(Targets.Cnn2(), Matrix, Rank);

    private static RunRecord Quantized(Model model, ExperimentData data, RunRecord run) => run with
    {
        Quantized = [.. QuantizedModels.OfWeights(model, data), .. QuantizedModels.OfLatent((MappedModel)model, data)],
    };

    private static Model Pruned(Continuation trained) => Tuned(trained, PrunedModel.OfMapped((MappedModel)trained.Trained, Kept));

    /// <summary>Half as many epochs again, at the pruned model's own rate.</summary>
    private static Model Tuned(Continuation trained, Model pruned)
    {
        trained.Fit("fine-tuning", pruned, trained.Training with { Epochs = (trained.Training.Epochs + 1) / 2, LearningRate = null });
        return pruned;
    }
}
