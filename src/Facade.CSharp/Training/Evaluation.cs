using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How well a model does on a data set.</summary>
/// <param name="Loss">The task's loss over the whole data set: cross-entropy, the mean over the judged labels weighted by their classes where the loss has class weights; the mean squared error for a regression; or the given one, the mean over the samples.</param>
/// <param name="Accuracy">The share of labels met, ignored ones apart, from 0 to 1; null where there are no classes.</param>
/// <param name="Count">The number of samples.</param>
public sealed record Evaluation(double Loss, double? Accuracy, int Count)
{
    /// <summary>The given metrics by name.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>
    /// Evaluates a model on a data set, in batches, in evaluation mode, outside any gradient graph. <c>model.Evaluate(data)</c>
    /// (<see cref="ModelEvaluation.Evaluate"/>) is the same.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data.</param>
    /// <param name="batchSize">Samples at a time, at least 1; fewer where they are so large that this many would not fit into memory.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <param name="loss">The task's loss; the data chooses where null. A loss of your own is the mean over batches weighted by their samples.</param>
    /// <param name="metrics">What is computed besides; nothing where null.</param>
    /// <exception cref="ArgumentException">The data does not fit the target, the loss or a metric.</exception>
    /// <exception cref="InvalidOperationException">A sample that is made is bad, as for <see cref="Dataset.Batches"/>.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model or the data is disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Evaluation Of(
        Model model,
        Dataset data,
        int batchSize = 1000,
        CancellationToken cancellation = default,
        TaskLoss? loss = null,
        IReadOnlyList<Metric>? metrics = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        DatasetChecks.Check(model.Target, data, loss);
        loss?.Check(model.Target, data);
        foreach (var metric in metrics ?? [])
            metric.Check(model.Target, data);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var evaluate = model.Evaluator();
        var hasAccuracy = DatasetChecks.HasAccuracy(model.Target, data);
        var totals = new Metric.Totals(metrics ?? []);
        double sum = 0;
        double weight = 0;
        long right = 0;
        long judged = 0;
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(model.Target, data, batchSize), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
            using (NewDisposeScope())
            {
                var outputs = evaluate(batch.InputsOn(model.Device));
                var targets = DatasetChecks.Fitted(batch.Targets.to(model.Device), model.Target, data);
                var value = loss is null ? TaskLoss.Of(outputs, targets, data.IsClassification, 0) : loss.Evaluate(outputs, targets);
                var counts = loss is null ? TaskLoss.WeightOf(targets, data.IsClassification) : loss.WeightOf(targets);
                sum += value.ToDouble() * counts;
                weight += counts;
                var judging = loss?.Judging(targets) ?? targets;
                totals.Add(outputs, judging);
                if (hasAccuracy)
                {
                    right += outputs.argmax(1).eq(judging).sum().ToInt64();
                    judged += TaskLoss.Judged(judging);
                }
            }
        }

        // Where no label is judged there is no loss.
        return new(weight > 0 ? sum / weight : 0, hasAccuracy ? (double)right / Math.Max(1, judged) : null, data.Count) { Metrics = totals.Values() };
    }

    /// <summary>Whether all figures are the same, those of the metrics by their names.</summary>
    public bool Equals(Evaluation? other) =>
        other is not null && Loss.Equals(other.Loss) && Accuracy.Equals(other.Accuracy) && Count == other.Count
        && Metrics.Count == other.Metrics.Count
        && Metrics.All(metric => other.Metrics.TryGetValue(metric.Key, out var value) && value.Equals(metric.Value));

    /// <summary>Of the loss, the accuracy and the number of samples.</summary>
    public override int GetHashCode() => HashCode.Combine(Loss, Accuracy, Count);

    /// <summary>One line to read.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{EpochResult.Side("", Loss, Accuracy, Metrics).TrimStart()} on {Count:N0} samples");
}
