using MappingNets.Examples.Reproduce.AddOns;
using MappingNets.Examples.Reproduce.Controls;
using MappingNets.Examples.Reproduce.Rivals;

namespace MappingNets.Examples.Reproduce;

/// <summary>The verbs, in the order in which <c>list</c> shows them.</summary>
internal static class Experiments
{
    public static IReadOnlyList<IExperiment> All { get; } =
    [
        new ClassificationExperiment(),
<<<<<<< HEAD
        new RobustnessExperiment(),
        new AddOnsExperiment(),
        new RivalsExperiment(),
=======
        new LossAblationExperiment(),
        new OverfittingExperiment(),
        new SweepExperiment(),
>>>>>>> tables
        new ManifoldExperiment(),
        new IntrinsicDimensionExperiment(),
    ];
}
