using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A figure that training and evaluations report beside the loss: sums over batches, and what they come to. Ready-made ones, and any of
/// one's own. <see cref="TrainingOptions.SelectBy"/> chooses the best epoch by one.
/// </summary>
/// <example>
/// <code>
/// new TrainingOptions { Metrics = [Metric.TopK(5)], SelectBy = Metric.F1(), RestoreBest = true }
/// new Metric("bias", (outputs, targets) => torch.stack([outputs.sub(targets).sum(), torch.ones_like(targets).sum()]), sums => sums[0] / sums[1], higherIsBetter: false)
/// </code>
/// </example>
public sealed class Metric
{
    private readonly Func<Tensor, Tensor, Tensor> sums;
    private readonly Func<IReadOnlyList<double>, double> value;
    private readonly Action<TargetNetwork, Dataset>? check;

    /// <summary>A metric of your own.</summary>
    /// <param name="name">What reports and resume files call it; not blank.</param>
    /// <param name="sums">
    /// From the outputs (N, ...) and targets (N, ...) of a batch to a vector of sums, of the same length for every batch. It is called
    /// outside any gradient graph, inside a dispose scope.
    /// </param>
    /// <param name="value">From the totals of these sums over all batches, in double precision, to the metric.</param>
    /// <param name="higherIsBetter">Whether a larger value is a better one.</param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public Metric(string name, Func<Tensor, Tensor, Tensor> sums, Func<IReadOnlyList<double>, double> value, bool higherIsBetter = true)
        : this(name, sums, value, higherIsBetter, null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(sums);
        ArgumentNullException.ThrowIfNull(value);
    }

    private Metric(
        string name,
        Func<Tensor, Tensor, Tensor> sums,
        Func<IReadOnlyList<double>, double> value,
        bool higherIsBetter,
        Action<TargetNetwork, Dataset>? check)
    {
        (Name, HigherIsBetter) = (name, higherIsBetter);
        (this.sums, this.value, this.check) = (sums, value, check);
    }

    /// <summary>What reports and resume files call it.</summary>
    public string Name { get; }

    /// <summary>Whether a larger value is a better one.</summary>
    public bool HigherIsBetter { get; }

    /// <summary>The share of judged labels among the k classes with the highest scores, from 0 to 1.</summary>
    /// <param name="k">How many classes may be named, at least 1 and at most as many as the network has.</param>
    /// <exception cref="ArgumentOutOfRangeException">k is below 1.</exception>
    public static Metric TopK(int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        return new(
            FormattableString.Invariant($"top-{k}"),
            (outputs, labels) =>
            {
                var (_, best) = outputs.topk(k, dim: 1);
                // Ignored labels are no class and so among none.
                return stack([best.eq(labels.unsqueeze(1)).sum(), tensor(TaskLoss.Judged(labels), device: outputs.device)]);
            },
            totals => totals[0] / Math.Max(1, totals[1]),
            true,
            (target, data) =>
            {
                RequireClasses($"top-{k}", target, data);
                if (k > target.OutputShape[0])
                    throw new ArgumentException($"top-{k} names {k} classes; '{target.Name}' puts out {target.OutputShape[0]}.", nameof(k));
            });
    }

    /// <summary>
    /// The mean over classes of F1 = 2 met / (2 met + missed + taken wrongly), from 0 to 1; classes that neither occur nor are predicted
    /// count nowhere. For at most 46,340 classes.
    /// </summary>
    public static Metric F1() => OfConfusion("F1", (met, actual, predicted) => 2 * met / (actual + predicted));

    /// <summary>
    /// The mean over classes of the intersection over union, met / (met + missed + taken wrongly), from 0 to 1; classes that neither occur
    /// nor are predicted count nowhere. <see cref="ConfusionMatrix"/> gives the classes one by one. For at most 46,340 classes.
    /// </summary>
    public static Metric MeanIntersectionOverUnion() =>
        OfConfusion("mIoU", (met, actual, predicted) => met / (actual + predicted - met));

    /// <summary>The mean absolute error over all elements, in the targets' unit; the lower the better.</summary>
    public static Metric MeanAbsoluteError() => new(
        "MAE",
        (outputs, targets) => stack([outputs.sub(targets).abs().to(float64).sum(), ones_like(targets, dtype: float64).sum()]),
        totals => totals[0] / totals[1],
        false,
        (target, data) =>
        {
            if (data.IsClassification)
                throw new ArgumentException("The data set has classes; the metric 'MAE' takes numbers to regress.", nameof(data));
            if (!DatasetChecks.HasOneTargetForEachOutput(target, data))
                throw Misfit("MAE", target, data);
        });

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Whether two metrics of one name compute the same: a ready-made one has its name to itself, one's own its functions.</summary>
    internal bool IsSameAs(Metric other) =>
        ReferenceEquals(this, other)
        || (HigherIsBetter == other.HigherIsBetter && (check, other.check) switch
        {
            (null, null) => sums == other.sums && value == other.value,
            (null, _) or (_, null) => false,
            _ => true,
        });

    /// <summary>Refuses data and a network that it is not for.</summary>
    internal void Check(TargetNetwork target, Dataset data) => check?.Invoke(target, data);

    private static Metric OfConfusion(string name, Func<double, double, double, double> ofClass) => new(
        name,
        (outputs, labels) => ConfusionMatrix.Pairs(outputs.argmax(1), labels, (int)outputs.shape[1]),
        totals =>
        {
            var classes = (int)Math.Round(Math.Sqrt(totals.Count));
            var shares = new List<double>();
            for (var number = 0; number < classes; number++)
            {
                var actual = Enumerable.Range(0, classes).Sum(other => totals[(number * classes) + other]);
                var predicted = Enumerable.Range(0, classes).Sum(other => totals[(other * classes) + number]);
                if (actual + predicted > 0)
                    shares.Add(ofClass(totals[(number * classes) + number], actual, predicted));
            }

            return shares.Count == 0 ? 0 : shares.Average();
        },
        true,
        (target, data) =>
        {
            RequireClasses(name, target, data);
            if (target.OutputShape[0] > ConfusionMatrix.MostClasses)
                throw new ArgumentException($"{ConfusionMatrix.TooMany(target)} can be counted for the metric '{name}'.", nameof(data));
        });

    private static void RequireClasses(string name, TargetNetwork target, Dataset data)
    {
        if (!data.IsClassification)
            throw new ArgumentException($"The data set has numbers to regress; the metric '{name}' takes classes.", nameof(data));
        if (!DatasetChecks.HasAccuracy(target, data))
            throw Misfit(name, target, data);
    }

    // Losses of a user's own read targets of any shape; these metrics compare each with an output.
    private static ArgumentException Misfit(string name, TargetNetwork target, Dataset data) => new(
        $"The targets have the shape {ShapeText.Of(data.TargetShape)} and '{target.Name}' puts out {ShapeText.Of(target.OutputShape)}; "
        + $"the metric '{name}' needs one target for each output, or one label for each place.",
        nameof(data));

    /// <summary>What some metrics have come to over the batches so far.</summary>
    internal sealed class Totals(IReadOnlyList<Metric> metrics)
    {
        private readonly double[]?[] totals = new double[metrics.Count][];

        /// <summary>What each metric sums up over one batch.</summary>
        public static double[][] Of(IReadOnlyList<Metric> metrics, Tensor outputs, Tensor targets)
        {
            if (metrics.Count == 0)
                return [];
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            return [.. metrics.Select(metric => metric.sums(outputs.detach(), targets).to(float64).cpu().reshape(-1).data<double>().ToArray())];
        }

        /// <summary>Adds a batch.</summary>
        public void Add(Tensor outputs, Tensor targets) => Add(Of(metrics, outputs, targets));

        /// <summary>Adds what <see cref="Of"/> gave for a batch.</summary>
        public void Add(double[][] sums)
        {
            for (var index = 0; index < totals.Length; index++)
            {
                var added = sums[index];
                var total = totals[index] ??= new double[added.Length];
                if (total.Length != added.Length)
                    throw new ArgumentException(
                        $"The metric '{metrics[index].Name}' gives {added.Length} sums for this batch and gave {total.Length} before.",
                        nameof(TrainingOptions.Metrics));
                for (var place = 0; place < added.Length; place++)
                    total[place] += added[place];
            }
        }

        /// <summary>The metrics by name.</summary>
        public IReadOnlyDictionary<string, double> Values() => metrics.Zip(totals)
            .Where(pair => pair.Second is not null).ToDictionary(pair => pair.First.Name, pair => pair.First.value(pair.Second!));
    }
}
