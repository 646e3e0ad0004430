namespace MappingNets.Experiments.Reporting;

/// <summary>The shape of a weight trajectory, or of one layer's part of it, as report.json holds it.</summary>
/// <param name="Seed">The seed of the training.</param>
/// <param name="Part">"theta", a layer's name, or "random walk" for the comparison by chance.</param>
/// <param name="Weights">How many weights it has.</param>
/// <param name="Snapshots">How many snapshots were taken.</param>
/// <param name="ParticipationRatio">(sum of variances)^2 / sum of their squares: how many axes would share the variance equally.</param>
/// <param name="AxesFor90">How many principal axes hold 90% of the variance.</param>
/// <param name="AxesFor99">How many hold 99%.</param>
/// <param name="ExplainedVariance">The share of the variance on the first k axes, for k from 1 to at most 20.</param>
/// <param name="SubspaceAxes">The dimension of the best affine subspace of the next field.</param>
/// <param name="RelativeDistance">The root mean square distance of the snapshots from it, over their root mean square distance from their mean.</param>
/// <param name="TsneDivergence">KL(P || Q) in nats that exact t-SNE ends at in two dimensions; null in reports from before it was computed.</param>
public sealed record TrajectoryRecord(
    ulong Seed,
    string Part,
    long Weights,
    int Snapshots,
    double ParticipationRatio,
    int AxesFor90,
    int AxesFor99,
    IReadOnlyList<double> ExplainedVariance,
    int SubspaceAxes,
    double RelativeDistance,
    double? TsneDivergence = null)
{
    /// <summary>The part that is no training but chance: steps of the same lengths in random directions.</summary>
    public const string RandomWalk = "random walk";
}
