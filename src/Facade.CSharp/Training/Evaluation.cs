using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How well a model does on a data set.</summary>
/// <param name="Loss">The task's loss, the mean over the samples: cross-entropy, or the mean squared error for a regression.</param>
/// <param name="Accuracy">The share of samples classified rightly, from 0 to 1; null for a regression.</param>
/// <param name="Count">The number of samples.</param>
public sealed record Evaluation(double Loss, double? Accuracy, int Count)
{
    /// <summary>Evaluates a model on a data set, in batches, in evaluation mode, outside any gradient graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data.</param>
    /// <param name="batchSize">Samples at a time.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The data does not fit the target.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Evaluation Of(Model model, Dataset data, int batchSize = 1000, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        DatasetChecks.Check(model.Target, data);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var weights = model.CurrentWeights();
        double loss = 0;
        long right = 0;
        foreach (var batch in data.Batches(batchSize, shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
            using (NewDisposeScope())
            {
                var targets = batch.Targets.to(model.Device);
                var outputs = model.Target.Forward(batch.Inputs.to(model.Device), weights, model.State, training: false);
                loss += TaskLoss.Of(outputs, targets, data.IsClassification, 0).ToDouble() * batch.Count;
                if (data.IsClassification)
                    right += outputs.argmax(1).eq(targets).sum().ToInt64();
            }
        }

        return new(loss / data.Count, data.IsClassification ? (double)right / data.Count : null, data.Count);
    }
}

/// <summary>The loss of the task itself.</summary>
internal static class TaskLoss
{
    public static Tensor Of(Tensor outputs, Tensor targets, bool isClassification, double smoothing) => isClassification
        ? MappingLoss.crossEntropy(smoothing, outputs, targets)
        : MappingLoss.meanSquaredError(outputs, targets);
}

/// <summary>Refuses data that does not fit a target before anything is computed.</summary>
internal static class DatasetChecks
{
    public static void Check(TargetNetwork target, Dataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Inputs.dtype != ScalarType.Float32)
            throw new ArgumentException($"The samples are {data.Inputs.dtype}; they must be Float32.", nameof(data));
        if (!data.InputShape.SequenceEqual(target.InputShape))
            throw new ArgumentException(
                $"The samples have the shape {ShapeText.Of(data.InputShape)}; '{target.Name}' takes {ShapeText.Of(target.InputShape)}.",
                nameof(data));
        if (data.IsClassification && (target.OutputShape.Count != 1 || target.OutputShape[0] < data.ClassNames.Count))
            throw new ArgumentException(
                $"The data set has {data.ClassNames.Count} classes; '{target.Name}' puts out {ShapeText.Of(target.OutputShape)}.",
                nameof(data));
        if (data.IsClassification && data.TargetShape.Count > 0)
            throw new ArgumentException(
                $"The labels of each sample have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' needs one label, so labels of (N).",
                nameof(data));
        if (!data.IsClassification && data.Targets.dtype != ScalarType.Float32)
            throw new ArgumentException($"The targets are {data.Targets.dtype}; they must be Float32.", nameof(data));
        if (!data.IsClassification && !data.TargetShape.SequenceEqual(target.OutputShape))
            throw new ArgumentException(
                $"The targets have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' puts out {ShapeText.Of(target.OutputShape)}.",
                nameof(data));
    }
}
