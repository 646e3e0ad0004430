namespace MappingNets;

/// <summary>How a model is trained. A record: change one with <c>options with { Epochs = 20 }</c>.</summary>
public sealed record TrainingOptions
{
    /// <summary>How often the training set is gone through, at least 1.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Samples a step, at least 1; the last batch of an epoch may be smaller.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>What turns gradients into steps.</summary>
    public TrainingOptimizer Optimizer { get; init; } = TrainingOptimizer.Adam;

    /// <summary>
    /// The optimiser's full learning rate, positive and at most 1e30; null takes the model's <see cref="Model.DefaultLearningRate"/>, which
    /// suits Adam. Null where the user's own function builds the optimiser, with its own rate.
    /// </summary>
    public double? LearningRate { get; init; }

    /// <summary>How the learning rate moves.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine;

    /// <summary>
    /// How strongly the trained parameters are pulled to 0, at least 0; the loss's own coefficients are not. Null takes what the optimiser
    /// usually has: 0, or 0.01 for AdamW.
    /// </summary>
    public double? WeightDecay { get; init; }

    /// <summary>The largest Euclidean norm of all gradients together, to which longer ones are cut; positive, null cuts nothing.</summary>
    public double? ClipGradientNorm { get; init; }

    /// <summary>The largest absolute value of a gradient's elements, to which larger ones are cut; positive, null cuts nothing.</summary>
    public double? ClipGradientValue { get; init; }

    /// <summary>
    /// Whether the network computes in training as in evaluation: batch norms by their running statistics, which stay as they are, and no
    /// dropout. Null takes what suits the model: true for a <see cref="FineTunedModel"/> of a network with such statistics, because a few
    /// samples give worse ones than pretraining did, and false for all others.
    /// </summary>
    public bool? FrozenStatistics { get; init; }

    /// <summary>
    /// How many batches give the gradient of one step, at least 1: the mean over their samples, so that a loss that is a mean over samples
    /// has the gradient of one batch of so many times <see cref="BatchSize"/> (batch norm still sees one batch at a time).
    /// </summary>
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>
    /// Keeps an average of the trained parameters over the steps, in which the last ones count most: each step keeps this share of it, between
    /// 0 and 1, or less in the first steps, whose plain mean it is. One more copy of what is trained; buffers are not averaged. Null
    /// keeps none.
    /// </summary>
    public double? AverageDecay { get; init; }

    /// <summary>Keeps the mean of the trained parameters over the steps of so many last epochs, at least 1; null keeps none.</summary>
    public int? AverageLastEpochs { get; init; }

    /// <summary>Ends with the average of the trained parameters instead of their last values; where no step was averaged, with these.</summary>
    public bool RestoreAverage { get; init; }

    /// <summary>The share of the training set held out for validation when no validation set is given, from 0 (none) to below 1.</summary>
    public double ValidationFraction { get; init; }

    /// <summary>Stops after this many epochs without a better validation result, at least 1; null never stops early.</summary>
    public int? EarlyStoppingPatience { get; init; }

    /// <summary>Ends with the state of the epoch with the best validation result instead of the last.</summary>
    public bool RestoreBest { get; init; }

    /// <summary>
    /// The loss of the task itself; null lets the data choose, cross-entropy for classes and the mean squared error for numbers to regress.
    /// Evaluations during training use the same.
    /// </summary>
    public TaskLoss? TaskLoss { get; init; }

    /// <summary>What is reported of each epoch beside loss and accuracy; no two of one name.</summary>
    public IReadOnlyList<Metric> Metrics { get; init; } = [];

    /// <summary>
    /// The metric on the validation set by which the best epoch is chosen and early stopping judges; null takes the accuracy, or the loss
    /// where there is none.
    /// </summary>
    public Metric? SelectBy { get; init; }

    /// <summary>Called after every step, on the training's thread; it may stop the run. Null calls nothing.</summary>
    public Func<TrainingProgress, TrainingSignal>? OnStep { get; init; }

    /// <summary>Called after every epoch, with its result; it may stop the run. Null calls nothing.</summary>
    public Func<TrainingProgress, TrainingSignal>? OnEpoch { get; init; }

    /// <summary>The share of each label spread evenly over all classes, from 0 to below 1; 0 where <see cref="TaskLoss"/> is given.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Trained models whose outputs replace the labels; null trains on the labels.</summary>
    public Distillation? Distillation { get; init; }

    /// <summary>
    /// How many batches are made ahead on another thread while the network computes, at least 0; none of a data set that lies in memory as it
    /// is. A function given to <see cref="Dataset.FromSamples"/> is called there, never twice at once by one run. Results do not depend on it.
    /// </summary>
    public int LoadAhead { get; init; } = 2;

    /// <summary>The seed of the order of samples, the held-out part and the noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>The terms of the loss beside the task's own; a directly trained model has none.</summary>
    public LossOptions Loss { get; init; } = LossOptions.TaskOnly;

    /// <summary>The metrics that are computed: the named ones, and the one that selects.</summary>
    internal IReadOnlyList<Metric> AllMetrics =>
        SelectBy is null || Metrics.Any(metric => metric.Name == SelectBy.Name) ? Metrics : [.. Metrics, SelectBy];

    /// <summary>Why a finished run cannot be extended; null where it can.</summary>
    internal string? LengthBound =>
        Schedule.DependsOnLength ? $"the schedule '{Schedule.Name}' runs over all of them"
        : AverageLastEpochs is not null ? $"{nameof(AverageLastEpochs)} counts from the last"
        : null;

    /// <summary>Refuses what is out of range, or does not go together, before there is data.</summary>
    internal void Check()
    {
        Require(Epochs >= 1, nameof(Epochs), Epochs, "There must be at least 1 epoch.");
        Require(BatchSize >= 1, nameof(BatchSize), BatchSize, "A batch needs at least 1 sample.");
        if (LearningRate is { } rate)
            Require(
                rate > 0 && rate <= 1e30, nameof(LearningRate), rate,
                "The learning rate must be positive and at most 1e30, beyond which single precision cannot hold a step.");
        Require(
            ValidationFraction >= 0 && ValidationFraction < 1, nameof(ValidationFraction), ValidationFraction,
            "The held-out share must be from 0 to below 1.");
        if (EarlyStoppingPatience is { } patience)
            Require(patience >= 1, nameof(EarlyStoppingPatience), patience, "The patience must be at least 1 epoch, or null.");
        Require(
            LabelSmoothing >= 0 && LabelSmoothing < 1, nameof(LabelSmoothing), LabelSmoothing,
            "Label smoothing must be from 0 to below 1.");
        if (WeightDecay is { } decay)
            Require(decay >= 0 && double.IsFinite(decay), nameof(WeightDecay), decay, "The weight decay must be finite and at least 0, or null.");
        RequirePositive(nameof(ClipGradientNorm), ClipGradientNorm);
        RequirePositive(nameof(ClipGradientValue), ClipGradientValue);
        Require(
            GradientAccumulation >= 1, nameof(GradientAccumulation), GradientAccumulation, "A step needs at least 1 batch.");
        Require(LoadAhead >= 0, nameof(LoadAhead), LoadAhead, "The number of batches made ahead must be at least 0.");
        if (AverageDecay is { } kept)
            Require(kept > 0 && kept < 1, nameof(AverageDecay), kept, "The average must keep a share between 0 and 1, or be null.");
        if (AverageLastEpochs is { } last)
            Require(
                last >= 1 && last <= Epochs, nameof(AverageLastEpochs), last, $"The average must be over 1 to {Epochs} epochs, or null.");
        ArgumentNullException.ThrowIfNull(Optimizer);
        ArgumentNullException.ThrowIfNull(Schedule);
        ArgumentNullException.ThrowIfNull(Metrics);
        ArgumentNullException.ThrowIfNull(Loss);
        CheckTogether();
        Optimizer.Check(this);
    }

    /// <summary>Refuses data that the loss and the metrics are not for.</summary>
    internal void Check(TargetNetwork target, Dataset data)
    {
        if (LabelSmoothing != 0 && !data.IsClassification)
            throw new ArgumentException(
                FormattableString.Invariant($"The label smoothing is {LabelSmoothing}, but the data set has numbers to regress and no labels; leave it 0."),
                nameof(LabelSmoothing));
        if (Distillation is not null && data.Augmentation != Augmentation.None)
            throw new ArgumentException(
                $"The data set is augmented ({data.Augmentation}), but the teachers' outputs are those for unchanged samples; leave {nameof(Distillation)} null.",
                nameof(Distillation));
        TaskLoss?.Check(target, data);
        foreach (var metric in AllMetrics)
            metric.Check(target, data);
    }

    private void CheckTogether()
    {
        Require(
            Distillation is null || LabelSmoothing == 0, nameof(LabelSmoothing), LabelSmoothing,
            $"There are no labels to smooth where {nameof(Distillation)} takes their place; leave it 0.");
        Require(
            TaskLoss is null || LabelSmoothing == 0, nameof(LabelSmoothing), LabelSmoothing,
            $"The loss '{TaskLoss}' smooths by itself or not at all; leave this 0 and see {nameof(MappingNets.TaskLoss)}.{nameof(MappingNets.TaskLoss.CrossEntropy)}.");
        Refuse(
            TaskLoss is not null && Distillation is not null, nameof(TaskLoss),
            $"The loss '{TaskLoss}' has no place where {nameof(Distillation)} teaches the teachers' outputs; leave one of them null.");
        Refuse(
            AverageDecay is not null && AverageLastEpochs is not null, nameof(AverageLastEpochs),
            $"There is one average; leave {nameof(AverageDecay)} or {nameof(AverageLastEpochs)} null.");
        Refuse(
            RestoreAverage && AverageDecay is null && AverageLastEpochs is null, nameof(RestoreAverage),
            $"No average is kept; set {nameof(AverageDecay)} or {nameof(AverageLastEpochs)}.");
        Refuse(
            RestoreAverage && RestoreBest, nameof(RestoreAverage),
            $"The run cannot end both with the average and with the best epoch; leave {nameof(RestoreBest)} false.");
        Refuse(
            AverageLastEpochs is not null && EarlyStoppingPatience is not null, nameof(AverageLastEpochs),
            $"Which epochs are the last is not known where {nameof(EarlyStoppingPatience)} may stop the run; use {nameof(AverageDecay)}.");
        foreach (var metric in Metrics)
        {
            Refuse(metric is null, nameof(Metrics), "A metric is null.");
            Refuse(
                Metrics.Count(other => other?.Name == metric!.Name) > 1, nameof(Metrics), $"Two metrics are called '{metric}'.");
            Refuse(
                SelectBy?.Name == metric!.Name && !SelectBy.IsSameAs(metric), nameof(SelectBy),
                $"It is called '{metric}' as one of {nameof(Metrics)} is, and is another metric; give it a name of its own, or select by that one.");
        }
    }

    private static void Require(bool holds, string name, object value, string what)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(name, value, what);
    }

    private static void RequirePositive(string name, double? value)
    {
        if (value is { } bound)
            Require(bound > 0 && double.IsFinite(bound), name, bound, "The bound must be positive and finite, or null.");
    }

    private static void Refuse(bool misfits, string name, string what)
    {
        if (misfits)
            throw new ArgumentException(what, name);
    }
}
