using MappingNets.Experiments.Rivals;
using MappingNets.Experiments.Rivals.Controls;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The verbs, in the order in which <c>list</c> shows them.</summary>
internal static class Experiments
{
    public static IReadOnlyList<IExperiment> All { get; } =
    [
        new ClassificationExperiment(),
        new RobustnessExperiment(),
        new AddOnsExperiment(),
        new BytesExperiment(),
        new LossAblationExperiment(),
        new OverfittingExperiment(),
        new TimeSeriesExperiment(),
        new SegmentationExperiment(),
        new DeepfakeExperiment(),
        new ResNetExperiment(),
        new FineTuneExperiment(),
        new PretrainedExperiment(),
        new TextExperiment(),
        new RivalsExperiment(),
        new SweepExperiment(),
        new ManifoldExperiment(),
        new IntrinsicDimensionExperiment(),
    ];
}
