using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The loss of the task itself: from a network's outputs and the targets of the same samples to one number. Ready-made ones, and any
/// function of your own. Where <see cref="TrainingOptions.TaskLoss"/> names none, the data chooses: cross-entropy for classes, the
/// mean squared error for numbers to regress.
/// </summary>
/// <example>
/// <code>
/// new TrainingOptions { TaskLoss = TaskLoss.CrossEntropy(classWeights: [1, 5]) }
/// new TrainingOptions { TaskLoss = new("log-cosh", (outputs, targets) => outputs.sub(targets).cosh().log().mean()) }
/// </code>
/// </example>
public sealed class TaskLoss
{
    // A tensor, not an implicit number: TorchSharp makes a native one of these at each use.
    private static readonly Tensor IgnoredLabel = InferenceTensors.Lasting(() => tensor(Dataset.IgnoredLabel, device: CPU));

    private readonly Func<Tensor, Tensor, Tensor> inTraining;
    private readonly Func<Tensor, Tensor, Tensor> inEvaluation;
    private readonly Action<TargetNetwork, Dataset>? check;
    private readonly Func<Tensor, double>? weigh;
    private readonly Func<Tensor, Tensor>? keep;

    /// <summary>A loss of your own.</summary>
    /// <param name="name">
    /// Its name in reports and resume files, not blank: a run goes on from its file only with a loss of the same name.
    /// </param>
    /// <param name="loss">
    /// From outputs (N, ...) and targets (N, ...), as the data has them but (N, 1) for one number a sample where the network puts out
    /// one, to a scalar that depends on the outputs: the mean over the samples, so that batches of any size weigh alike. It is called
    /// inside a dispose scope, at each step and, outside any gradient graph, in evaluations.
    /// </param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public TaskLoss(string name, Func<Tensor, Tensor, Tensor> loss)
        : this(name, loss, loss, null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(loss);
    }

    private TaskLoss(
        string name, Func<Tensor, Tensor, Tensor> inTraining, Func<Tensor, Tensor, Tensor> inEvaluation, Action<TargetNetwork, Dataset>? check,
        Func<Tensor, double>? weigh = null, Func<Tensor, Tensor>? keep = null) =>
        (Name, this.inTraining, this.inEvaluation, this.check, this.weigh, this.keep) = (name, inTraining, inEvaluation, check, weigh, keep);

    /// <summary>Its name in reports and resume files; ready-made ones name their settings too.</summary>
    public string Name { get; }

    /// <summary>Whether it may read targets of any shape and type.</summary>
    internal bool TakesAnyTargets => check is null;

    /// <summary>
    /// Cross-entropy of class scores before the softmax, (N, C) or (N, C, ...), the mean over the judged labels, each weighted by its
    /// class. Evaluations leave label smoothing out.
    /// </summary>
    /// <param name="classWeights">
    /// How much each class counts, one positive finite number for each of the network's C outputs; all alike where null.
    /// </param>
    /// <param name="labelSmoothing">The share of each label spread evenly over all classes, from 0 to below 1.</param>
    /// <param name="ignoredLabel">
    /// A label that counts nowhere, neither in the loss nor in accuracy and metrics, which get <see cref="Dataset.IgnoredLabel"/> in its place; that
    /// one never counts.
    /// </param>
    /// <exception cref="ArgumentException">A weight is not positive and finite, or there is none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The smoothing is out of range.</exception>
    public static TaskLoss CrossEntropy(
        IReadOnlyList<double>? classWeights = null, double labelSmoothing = 0, long ignoredLabel = Dataset.IgnoredLabel)
    {
        RequireShare(labelSmoothing, nameof(labelSmoothing));
        var weights = ClassWeights.Of(classWeights, nameof(classWeights));
        var alsoIgnored = ignoredLabel == Dataset.IgnoredLabel ? null : InferenceTensors.Lasting(() => tensor(ignoredLabel, device: CPU));
        Tensor Kept(Tensor labels) => alsoIgnored is null ? labels : where(labels.eq(alsoIgnored), IgnoredLabel, labels);
        Tensor Loss(Tensor outputs, Tensor labels, double smoothing)
        {
            var kept = Kept(labels);
            return Judged(kept) == 0
                ? Nothing(outputs)
                : nn.functional.cross_entropy(outputs, kept, weights?.At(outputs.device), label_smoothing: smoothing);
        }

        return new(
            Named("cross-entropy", ("class weights", weights), ("label smoothing", Unless(labelSmoothing, 0)), ("ignored label", Unless(ignoredLabel, Dataset.IgnoredLabel))),
            (outputs, labels) => Loss(outputs, labels, labelSmoothing),
            (outputs, labels) => Loss(outputs, labels, 0),
            (target, data) => RequireClasses("cross-entropy", target, data, weights, nameof(classWeights)),
            labels => Weight(Kept(labels), weights),
            Kept);
    }

    /// <summary>
    /// Focal loss (Lin et al. 2017): the mean over the judged labels of -w (1 - p)^gamma log p with p the label's probability, divided
    /// by the weights' sum as in the weighted cross-entropy, which it is where gamma is 0.
    /// </summary>
    /// <param name="gamma">How much well classified samples fade, 0 or from 1 to 10.</param>
    /// <param name="classWeights">w, one positive finite number for each of the network's C outputs; all 1 where null.</param>
    /// <exception cref="ArgumentException">A weight is not positive and finite, or there is none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">gamma is out of range; between 0 and 1 its gradient has no bound.</exception>
    public static TaskLoss Focal(double gamma = 2, IReadOnlyList<double>? classWeights = null)
    {
        if (!(gamma == 0 || (gamma >= 1 && gamma <= 10)))
            throw new ArgumentOutOfRangeException(nameof(gamma), gamma, "gamma must be 0, or from 1 to 10.");
        var weights = ClassWeights.Of(classWeights, nameof(classWeights));
        var power = InferenceTensors.Lasting(() => tensor((float)gamma, device: CPU));
        Tensor Loss(Tensor outputs, Tensor labels)
        {
            var judged = labels.ne(IgnoredLabel);
            if (judged.sum().ToInt64() == 0)
                return Nothing(outputs);
            var own = nn.functional.cross_entropy(outputs, labels, reduction: nn.Reduction.None);
            var fading = own.neg().expm1().neg().relu().pow(power.to(outputs.device));
            if (weights is null)
                return fading.mul(own).sum().div(judged.sum());
            var of = weights.Of(labels, judged);
            return fading.mul(own).mul(of).sum().div(of.sum());
        }

        return new(
            Named("focal", ("gamma", gamma), ("class weights", weights)), Loss, Loss,
            (target, data) => RequireClasses("focal", target, data, weights, nameof(classWeights)),
            labels => Weight(labels, weights));
    }

    /// <summary>
    /// Binary cross-entropy of scores before the sigmoid against targets from 0 to 1, the mean over all elements: for several labels a
    /// sample, or one yes or no. The targets are the data's numbers to regress.
    /// </summary>
    /// <param name="positiveWeights">
    /// How much a target of 1 counts against one of 0, a positive finite number for each element of the network's last dimension; all 1
    /// where null.
    /// </param>
    /// <exception cref="ArgumentException">A weight is not positive and finite, or there is none.</exception>
    public static TaskLoss BinaryCrossEntropy(IReadOnlyList<double>? positiveWeights = null)
    {
        var weights = ClassWeights.Of(positiveWeights, nameof(positiveWeights));
        Tensor Loss(Tensor outputs, Tensor targets)
        {
            // Samples that are made as batches need them show their targets here for the first time.
            RequireShares(targets, nameof(targets));
            return nn.functional.binary_cross_entropy_with_logits(outputs, targets, pos_weights: weights?.At(outputs.device));
        }

        return new(Named("binary cross-entropy", ("positive weights", weights)), Loss, Loss, (target, data) =>
        {
            RequireNumbers("binary cross-entropy", data);
            weights?.Require(target.OutputShape.Count == 0 ? 1 : target.OutputShape[^1], target.Name, nameof(positiveWeights));
            if (data.IsStreaming)
                return;
            RequireShares(data.Targets, nameof(data));
        });
    }

    /// <summary>The mean squared error over all elements.</summary>
    public static TaskLoss MeanSquaredError() => new(
        "mean squared error", MappingLoss.meanSquaredError, MappingLoss.meanSquaredError,
        (_, data) => RequireNumbers("mean squared error", data));

    /// <summary>Huber's loss: half the squared error up to delta, and linear beyond, the mean over all elements.</summary>
    /// <param name="delta">Where it turns linear, in the targets' unit; positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">delta is not positive and finite.</exception>
    public static TaskLoss Huber(double delta = 1)
    {
        if (!(delta > 0 && double.IsFinite(delta)))
            throw new ArgumentOutOfRangeException(nameof(delta), delta, "delta must be positive and finite.");
        Tensor Loss(Tensor outputs, Tensor targets) => nn.functional.huber_loss(outputs, targets, delta);
        return new(Named("Huber", ("delta", delta)), Loss, Loss, (_, data) => RequireNumbers("Huber", data));
    }

    /// <summary>The loss of a batch as training takes it: for loops of your own.</summary>
    /// <param name="outputs">What the network puts out, (N, ...).</param>
    /// <param name="targets">The targets of the same samples, (N, ...).</param>
    /// <returns>A scalar that depends on the outputs; it belongs to the dispose scope that is open.</returns>
    /// <exception cref="ArgumentException">The function's result is no scalar, or does not depend on the outputs.</exception>
    public Tensor Compute(Tensor outputs, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(targets);
        var loss = Scalar(inTraining(outputs, targets));
        return loss.requires_grad || !outputs.requires_grad
            ? loss
            : throw new ArgumentException(
                $"The loss '{Name}' does not depend on the outputs: no gradient leads back to them.", nameof(TrainingOptions.TaskLoss));
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>The loss of a batch as evaluations take it.</summary>
    internal Tensor Evaluate(Tensor outputs, Tensor targets) => Scalar(inEvaluation(outputs, targets));

    /// <summary>
    /// How much a batch counts in the mean over a data set, so that this does not depend on how the data is cut into batches: the sum of
    /// its judged labels' class weights where the loss is a mean over these, otherwise its samples.
    /// </summary>
    internal double WeightOf(Tensor targets) => weigh?.Invoke(targets) ?? targets.shape[0];

    /// <summary>The targets as accuracy and metrics get them: with <see cref="Dataset.IgnoredLabel"/> for whatever label the loss leaves out.</summary>
    internal Tensor Judging(Tensor targets) => keep?.Invoke(targets) ?? targets;

    /// <summary>The same for the loss that the data chooses.</summary>
    internal static double WeightOf(Tensor targets, bool isClassification) => isClassification ? Judged(targets) : targets.shape[0];

    /// <summary>Refuses data and a network that it is not for, before anything is computed.</summary>
    internal void Check(TargetNetwork target, Dataset data) => check?.Invoke(target, data);

    /// <summary>What the loss is called where the data chooses it.</summary>
    internal static string NameFor(bool isClassification) => isClassification ? "cross-entropy" : "mean squared error";

    /// <summary>The loss that the data chooses.</summary>
    internal static Tensor Of(Tensor outputs, Tensor targets, bool isClassification, double smoothing)
    {
        if (!isClassification)
            return MappingLoss.meanSquaredError(outputs, targets);
        // Where nothing has a class, there is nothing to learn; the mean over nothing would not be a number.
        return Judged(targets) == 0 ? Nothing(outputs) : MappingLoss.crossEntropy(smoothing, outputs, targets);
    }

    /// <summary>How many labels count: all but the ignored ones, which the cross-entropy of libtorch leaves out by the same number.</summary>
    internal static long Judged(Tensor labels) => labels.ne(IgnoredLabel).sum().ToInt64();

    /// <summary>0, connected to the outputs: the sum over none of them.</summary>
    private static Tensor Nothing(Tensor outputs) => outputs.narrow(0, 0, 0).sum();

    private static double Weight(Tensor labels, ClassWeights? weights) =>
        weights is null ? Judged(labels) : weights.Of(labels, labels.ne(IgnoredLabel)).sum(ScalarType.Float64).ToDouble();

    private Tensor Scalar(Tensor? loss)
    {
        if (loss is null)
            throw new ArgumentException($"The loss '{Name}' returns null; it must return a scalar.", nameof(TrainingOptions.TaskLoss));
        if (loss.dim() != 0 || !loss.is_floating_point())
            throw new ArgumentException(
                $"The loss '{Name}' returns {loss.dtype} of shape {ShapeText.Of(loss.shape)}; it must return a floating-point scalar, such as the mean.",
                nameof(TrainingOptions.TaskLoss));
        return loss;
    }

    private static void RequireClasses(string name, TargetNetwork target, Dataset data, ClassWeights? weights, string argument)
    {
        if (!data.IsClassification)
            throw new ArgumentException($"The data set has numbers to regress; {name} takes classes.", nameof(data));
        weights?.Require(target.OutputShape[0], target.Name, argument);
    }

    private static void RequireNumbers(string name, Dataset data)
    {
        if (data.IsClassification)
            throw new ArgumentException($"The data set has classes; {name} takes numbers to regress.", nameof(data));
    }

    private static void RequireShares(Tensor targets, string argument)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var (least, most) = (targets.min().ToDouble(), targets.max().ToDouble());
        if (least < 0 || most > 1)
            throw new ArgumentException(FormattableString.Invariant(
                $"The targets reach from {least} to {most}; binary cross-entropy takes targets from 0 to 1."), argument);
    }

    private static void RequireShare(double share, string argument)
    {
        if (!(share >= 0 && share < 1))
            throw new ArgumentOutOfRangeException(argument, share, "Label smoothing must be from 0 to below 1.");
    }

    private static object? Unless<T>(T value, T usual) => EqualityComparer<T>.Default.Equals(value, usual) ? null : value;

    private static string Named(string name, params (string Name, object? Value)[] settings)
    {
        var given = settings.Where(setting => setting.Value is not null)
            .Select(setting => FormattableString.Invariant($"{setting.Name} {setting.Value}")).ToArray();
        return given.Length == 0 ? name : $"{name} ({string.Join(", ", given)})";
    }
}
