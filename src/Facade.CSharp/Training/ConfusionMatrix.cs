using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Which classes were taken for which, and what follows from it: accuracy, and for segmentation the intersection over union of each
/// class and its mean (mIoU). Labels of <see cref="Dataset.IgnoredLabel"/> count nowhere, neither for nor against a class.
/// </summary>
public sealed class ConfusionMatrix
{
    /// <summary>The most classes whose pairs an array can count: the root of 2^31.</summary>
    internal const int MostClasses = 46_340;

    private readonly long[] counts;

    private ConfusionMatrix(int classes, long[] counts) => (Classes, this.counts) = (classes, counts);

    /// <summary>C, the number of classes.</summary>
    public int Classes { get; }

    /// <summary>How many labels of one class were taken for another, or met where both are the same.</summary>
    /// <param name="actual">The label, 0 to C - 1.</param>
    /// <param name="predicted">What it was taken for, 0 to C - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public long this[int actual, int predicted] =>
        counts[(Classes * Checked(actual, nameof(actual))) + Checked(predicted, nameof(predicted))];

    /// <summary>How many labels were judged: pixels or samples, the ignored ones apart.</summary>
    public long Judged => counts.Sum();

    /// <summary>The share of judged labels that were met, from 0 to 1; 0 where nothing was judged.</summary>
    public double Accuracy => (double)Enumerable.Range(0, Classes).Sum(number => this[number, number]) / Math.Max(1, Judged);

    /// <summary>
    /// The mean of <see cref="IntersectionOverUnion"/> over the classes that have one, from 0 to 1; 0 where nothing was judged.
    /// </summary>
    public double MeanIntersectionOverUnion =>
        Enumerable.Range(0, Classes).Select(IntersectionOverUnion).Where(share => share is not null).Average() ?? 0;

    /// <summary>
    /// Met / (met + missed + taken for it wrongly), from 0 to 1; null for a class that neither occurs nor is predicted, of which
    /// nothing can be said.
    /// </summary>
    /// <param name="number">The class, 0 to C - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public double? IntersectionOverUnion(int number)
    {
        var met = this[number, number];
        var union = Enumerable.Range(0, Classes).Sum(other => this[number, other] + this[other, number]) - met;
        return union > 0 ? (double)met / union : null;
    }

    /// <summary>
    /// Counts a model's predictions on a data set with classes, in evaluation mode, outside any gradient graph. <c>model.Confusion(data)</c>
    /// (<see cref="ModelEvaluation.Confusion"/>) is the same.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data; labels of whole samples, or of each place of them.</param>
    /// <param name="batchSize">Samples at a time, at least 1; fewer where they are so large that this many would not fit into memory.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The data has no classes or does not fit the target, or the model puts out more than 46,340.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ConfusionMatrix Of(Model model, Dataset data, int batchSize = 1000, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        DatasetChecks.Check(model.Target, data);
        if (!data.IsClassification)
            throw new ArgumentException("The data set has numbers to regress; only classes can be taken for one another.", nameof(data));
        if (model.Target.OutputShape[0] > MostClasses)
            throw new ArgumentException($"{TooMany(model.Target)} can be counted.", nameof(model));
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var evaluate = model.Evaluator();
        // A network may have more outputs than the data has classes.
        var classes = (int)model.Target.OutputShape[0];
        var sums = new long[classes * classes];
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(model.Target, data, batchSize), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
            using (NewDisposeScope())
            {
                var outputs = evaluate(batch.InputsOn(model.Device));
                Add(sums, outputs.argmax(1), batch.Targets.to(model.Device), classes);
            }
        }

        return new(classes, sums);
    }

    /// <summary>Counts given predictions.</summary>
    /// <param name="predicted">Class numbers from 0 to C - 1, int64, of any shape.</param>
    /// <param name="labels">Class numbers from 0 to C - 1, or <see cref="Dataset.IgnoredLabel"/>, int64, of the same shape.</param>
    /// <param name="classes">C, from 1 to 46,340.</param>
    /// <exception cref="ArgumentOutOfRangeException">C is out of range.</exception>
    /// <exception cref="ArgumentException">The tensors differ in shape, are not int64, or hold a number that is no class.</exception>
    public static ConfusionMatrix Of(Tensor predicted, Tensor labels, int classes)
    {
        ArgumentNullException.ThrowIfNull(predicted);
        ArgumentNullException.ThrowIfNull(labels);
        if (classes is < 1 or > MostClasses)
            throw new ArgumentOutOfRangeException(nameof(classes), classes, $"The number of classes must be from 1 to {ShapeText.Count(MostClasses)}.");
        if (!predicted.shape.SequenceEqual(labels.shape))
            throw new ArgumentException(
                $"The predictions have the shape {ShapeText.Of(predicted.shape)}, the labels {ShapeText.Of(labels.shape)}.", nameof(predicted));
        foreach (var (numbers, argument) in new[] { (predicted, nameof(predicted)), (labels, nameof(labels)) })
        {
            if (numbers.dtype != ScalarType.Int64)
                throw new ArgumentException($"The class numbers are {numbers.dtype}; they must be Int64.", argument);
            if (Dataset.FirstOutside(numbers, classes) is var (index, label))
                throw new ArgumentException($"Number {index} is {label}; with {classes} classes it must lie between 0 and {classes - 1}.", argument);
        }

        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var ignored = Dataset.IgnoredLabel.ToScalar();
        var judged = labels.ne(ignored);
        if (predicted.eq(ignored).logical_and(judged).any().item<bool>())
            throw new ArgumentException($"A prediction is {Dataset.IgnoredLabel}, which is no class.", nameof(predicted));
        var sums = new long[classes * classes];
        Add(sums, predicted, labels, classes);
        return new(classes, sums);
    }

    /// <summary>How many classes a network has and how many would do, as the beginning of a sentence.</summary>
    internal static string TooMany(TargetNetwork target) =>
        $"'{target.Name}' puts out {ShapeText.Count(target.OutputShape[0])} classes; the pairs of at most {ShapeText.Count(MostClasses)}";

    /// <summary>
    /// How often each label stands beside each prediction: (C * C) int64, at label * C + prediction. Ignored labels count nowhere; where all are
    /// ignored every count is 0.
    /// </summary>
    /// <param name="predicted">Class numbers from 0 to C - 1, int64, of any shape.</param>
    /// <param name="labels">Class numbers from 0 to C - 1, or <see cref="Dataset.IgnoredLabel"/>, int64, of the same shape and device.</param>
    /// <param name="classes">C, from 1 to <see cref="MostClasses"/>.</param>
    internal static Tensor Pairs(Tensor predicted, Tensor labels, int classes)
    {
        // The ignored label is the only one below 0.
        using var first = 0L.ToScalar();
        using var width = classes.ToScalar();
        return labels.mul(width).add(predicted).masked_select(labels.ge(first)).bincount(null, classes * classes);
    }

    private static void Add(long[] sums, Tensor predicted, Tensor labels, int classes)
    {
        var added = Pairs(predicted, labels, classes).cpu().data<long>();
        for (var index = 0; index < sums.Length; index++)
            sums[index] += added[index];
    }

    private int Checked(int number, string argument) => number >= 0 && number < Classes
        ? number
        : throw new ArgumentOutOfRangeException(argument, number, $"The class must lie between 0 and {Classes - 1}.");
}
