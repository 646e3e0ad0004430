using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How well a model does on a data set.</summary>
/// <param name="Loss">The task's loss, the mean over the samples: cross-entropy, or the mean squared error for a regression.</param>
/// <param name="Accuracy">The share of labels met, ignored ones apart, from 0 to 1; null for a regression.</param>
/// <param name="Count">The number of samples.</param>
public sealed record Evaluation(double Loss, double? Accuracy, int Count)
{
    /// <summary>Evaluates a model on a data set, in batches, in evaluation mode, outside any gradient graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data.</param>
    /// <param name="batchSize">Samples at a time, at least 1; fewer where they are so large that this many would not fit into memory.</param>
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
        long judged = 0;
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(data, batchSize), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
            using (NewDisposeScope())
            {
                var targets = batch.Targets.to(model.Device);
                var outputs = model.Target.Forward(batch.InputsOn(model.Device), weights, model.State, training: false);
                loss += TaskLoss.Of(outputs, targets, data.IsClassification, 0).ToDouble() * batch.Count;
                if (data.IsClassification)
                {
                    right += outputs.argmax(1).eq(targets).sum().ToInt64();
                    judged += TaskLoss.Judged(targets);
                }
            }
        }

        return new(loss / data.Count, data.IsClassification ? (double)right / Math.Max(1, judged) : null, data.Count);
    }
}

/// <summary>The loss of the task itself.</summary>
internal static class TaskLoss
{
    public static Tensor Of(Tensor outputs, Tensor targets, bool isClassification, double smoothing)
    {
        if (!isClassification)
            return MappingLoss.meanSquaredError(outputs, targets);
        // Where nothing has a class, there is nothing to learn; the mean over nothing would not be a number.
        return targets.dim() > 1 && Judged(targets) == 0 ? outputs.sum() * 0 : MappingLoss.crossEntropy(smoothing, outputs, targets);
    }

    /// <summary>How many labels count: all but the ignored ones, which the cross-entropy of libtorch leaves out by the same number.</summary>
    public static long Judged(Tensor labels) => labels.ne(Dataset.IgnoredLabel).sum().ToInt64();
}

/// <summary>Refuses data that does not fit a target before anything is computed.</summary>
internal static class DatasetChecks
{
    /// <summary>The most numbers of inputs at a time that are evaluated: 21 images of 3 x 256 x 256, whose maps in a network are many times that.</summary>
    private const long InputsAtATime = 1 << 22;

    /// <summary>How many samples are evaluated at a time.</summary>
    public static int BatchOf(Dataset data, int atMost)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(atMost, 1, "batchSize");
        var size = data.InputShapes.Sum(ShapeText.Product);
        return (int)Math.Clamp(InputsAtATime / size, 1, atMost);
    }

    public static void Check(TargetNetwork target, Dataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.InputShapes.Count != target.Inputs.Count)
            throw new ArgumentException(
                $"Each sample has {data.InputShapes.Count} inputs; '{target.Name}' takes {target.Inputs.Count}.", nameof(data));
        for (var index = 0; index < target.Inputs.Count; index++)
            CheckInput(target, data.InputShapes[index], data.InputTypes[index], index);
        var output = target.OutputShape;
        if (data.IsClassification
            && (output.Count == 0 || output[0] < data.ClassNames.Count || (data.TargetShape.Count == 0 && output.Count != 1)))
            throw new ArgumentException(
                $"The data set has {data.ClassNames.Count} classes; '{target.Name}' puts out {ShapeText.Of(output)}.",
                nameof(data));
        if (data.IsClassification && !data.TargetShape.SequenceEqual(output.Skip(1)))
            throw new ArgumentException(
                $"The labels of each sample have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' needs "
                + (output.Count == 1 ? "one label, so labels of (N)." : $"one for each place, {ShapeText.Of(output.Skip(1))}."),
                nameof(data));
        if (!data.IsClassification && data.TargetType != ScalarType.Float32)
            throw new ArgumentException($"The targets are {data.TargetType}; they must be Float32.", nameof(data));
        if (!data.IsClassification && !data.TargetShape.SequenceEqual(target.OutputShape))
            throw new ArgumentException(
                $"The targets have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' puts out {ShapeText.Of(target.OutputShape)}.",
                nameof(data));
    }
    private static void CheckInput(TargetNetwork target, IReadOnlyList<long> shape, ScalarType type, int index)
    {
        var (wanted, called) = (target.Inputs[index], target.Inputs.Count == 1 ? "samples" : $"samples' inputs {index + 1}");
        // Floats come in single precision, also to a module of another.
        var right = FloatTypes.Contains(wanted.Type) ? ScalarType.Float32 : wanted.Type;
        if (type != right)
            throw new ArgumentException($"The {called} are {type}; they must be {right}.", "data");
        if (!shape.SequenceEqual(wanted.Shape))
            throw new ArgumentException(
                $"The {called} have the shape {ShapeText.Of(shape)}; '{target.Name}' takes {ShapeText.Of(wanted.Shape)}.", "data");
    }
}
