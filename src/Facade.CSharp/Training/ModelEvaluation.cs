namespace MappingNets;

/// <summary>Measures a model on a data set, asked of the model: <c>model.Evaluate(test).Accuracy</c>.</summary>
public static class ModelEvaluation
{
    /// <summary>Evaluates the model on a data set, in batches, in evaluation mode, outside any gradient graph, as <see cref="Evaluation.Of"/> does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data.</param>
    /// <param name="loss">The task's loss; the data chooses where null.</param>
    /// <param name="metrics">What is computed besides; nothing where null.</param>
    /// <param name="batchSize">Samples at a time, at least 1; fewer where they are so large that this many would not fit into memory.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The data does not fit the target, the loss or a metric, or the batch size is below 1.</exception>
    /// <exception cref="InvalidOperationException">A sample that is made is bad, as for <see cref="Dataset.Batches"/>.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model or the data is disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Evaluation Evaluate(
        this Model model,
        Dataset data,
        TaskLoss? loss = null,
        IReadOnlyList<Metric>? metrics = null,
        int batchSize = 1000,
        CancellationToken cancellation = default) => Evaluation.Of(model, data, batchSize, cancellation, loss, metrics);

    /// <summary>Counts which classes the model takes for which, as <see cref="ConfusionMatrix.Of(Model, Dataset, int, CancellationToken)"/> does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">Samples or pixels with classes.</param>
    /// <param name="batchSize">As for <see cref="Evaluate"/>.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">
    /// The data has no classes or does not fit the target, the model puts out more than 46,340, or the batch size is below 1.
    /// </exception>
    /// <exception cref="InvalidOperationException">As for <see cref="Evaluate"/>.</exception>
    /// <exception cref="CheckpointFormatException">As for <see cref="Evaluate"/>.</exception>
    /// <exception cref="ObjectDisposedException">The model or the data is disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ConfusionMatrix Confusion(this Model model, Dataset data, int batchSize = 1000, CancellationToken cancellation = default) =>
        ConfusionMatrix.Of(model, data, batchSize, cancellation);
}
