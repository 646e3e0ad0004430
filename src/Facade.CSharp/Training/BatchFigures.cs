using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What one batch of training adds to the sums of its epoch.</summary>
/// <param name="Total">The whole loss.</param>
/// <param name="Task">The task's loss.</param>
/// <param name="Weight">What the task's loss is a mean over: judged labels, weighted by their classes, or samples.</param>
/// <param name="Count">How many samples there are.</param>
/// <param name="Right">How many labels were met.</param>
/// <param name="Judged">How many labels there are, ignored ones apart.</param>
/// <param name="Terms">The auxiliary terms of the loss, in the order of <see cref="StepLoss.TermNames"/>; null where one is off.</param>
/// <param name="Metrics">What each metric sums up.</param>
internal sealed record BatchFigures(
    double Total, double Task, double Weight, int Count, long Right, long Judged, IReadOnlyList<double?> Terms, double[][] Metrics)
{
    /// <summary>The figures of a pass.</summary>
    /// <param name="values">Its loss and outputs.</param>
    /// <param name="total">The whole loss, already read.</param>
    /// <param name="targets">Its targets as accuracy and metrics get them.</param>
    /// <param name="weight">What the task's loss is a mean over.</param>
    /// <param name="hasAccuracy">Whether right labels are counted.</param>
    /// <param name="metrics">What is computed beside loss and accuracy.</param>
    public static BatchFigures Of(
        StepLoss.Values values, double total, Tensor targets, double weight, bool hasAccuracy, IReadOnlyList<Metric> metrics)
    {
        using var noGradient = no_grad();
        return new(
            total,
            values.Task.ToDouble(),
            weight,
            checked((int)targets.shape[0]),
            hasAccuracy ? values.Outputs.argmax(1).eq(targets).sum().ToInt64() : 0,
            hasAccuracy ? TaskLoss.Judged(targets) : 0,
            [.. values.Terms.Select(term => term?.ToDouble())],
            Metric.Totals.Of(metrics, values.Outputs, targets));
    }
}
