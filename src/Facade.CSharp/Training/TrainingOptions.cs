namespace MappingNets;

/// <summary>How the learning rate moves from the first step to the last.</summary>
public enum LearningRateSchedule
{
    /// <summary>From the full rate down to 0 along half a cosine.</summary>
    Cosine,

    /// <summary>The full rate throughout.</summary>
    Constant,
}

/// <summary>What turns gradients into steps.</summary>
public enum TrainingOptimizer
{
    /// <summary>libtorch's Adam: a running mean and a mean square for each trained number.</summary>
    Adam,

    /// <summary>
    /// Second-order descent, for the few numbers of a latent: steps are scaled by the inverse square root of the whole matrix of the
    /// gradient's second moments (d x d for each latent vector, in blocks of at most 1,024), and their length by the learning rate
    /// alone. It needs fewer epochs than Adam and ends better (docs/experiments-log.md). For models that train at most 16,384 numbers;
    /// it remembers at most 8 KB for each of them.
    /// </summary>
    FullMatrix,
}

/// <summary>How a model is trained. A record: change one with <c>options with { Epochs = 20 }</c>.</summary>
public sealed record TrainingOptions
{
    /// <summary>How often the training set is gone through, at least 1.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Samples a step, at least 1; the last batch of an epoch may be smaller.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>What turns gradients into steps.</summary>
    public TrainingOptimizer Optimizer { get; init; } = TrainingOptimizer.Adam;

    /// <summary>The optimiser's learning rate, positive and at most 1e30; null takes the model's <see cref="Model.DefaultLearningRate"/>.</summary>
    public double? LearningRate { get; init; }

    /// <summary>How the learning rate moves.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine;

    /// <summary>The share of the training set held out for validation when no validation set is given, from 0 (none) to below 1.</summary>
    public double ValidationFraction { get; init; }

    /// <summary>Stops after this many epochs without a better validation result, at least 1; null never stops early.</summary>
    public int? EarlyStoppingPatience { get; init; }

    /// <summary>Ends with the state of the epoch with the best validation result instead of the last.</summary>
    public bool RestoreBest { get; init; }

    /// <summary>The share of each label spread evenly over all classes, from 0 to below 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Trained models whose outputs are taught in place of the labels; null teaches the labels.</summary>
    public Distillation? Distillation { get; init; }

    /// <summary>The seed of the order of samples, the held-out part and the noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>The terms of the loss beside the task's own; a directly trained model has none.</summary>
    public LossOptions Loss { get; init; } = LossOptions.TaskOnly;

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
        Require(Enum.IsDefined(Optimizer), nameof(Optimizer), Optimizer, "There is no such optimiser.");
        Require(Enum.IsDefined(Schedule), nameof(Schedule), Schedule, "There is no such schedule.");
        Require(
            Distillation is null || LabelSmoothing == 0, nameof(LabelSmoothing), LabelSmoothing,
            $"There are no labels to smooth where {nameof(Distillation)} takes their place; leave it 0.");
        ArgumentNullException.ThrowIfNull(Loss);
        Loss.Check();
    }

    /// <summary>The learning rate of a step counted from 0.</summary>
    internal double RateAt(double full, long step, long steps) => Schedule switch
    {
        LearningRateSchedule.Cosine => full * 0.5 * (1 + Math.Cos(Math.PI * step / steps)),
        _ => full,
    };

    private static void Require(bool holds, string name, object value, string what)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(name, value, what);
    }
}
