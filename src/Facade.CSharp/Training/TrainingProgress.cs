using System.Globalization;

namespace MappingNets;

/// <summary>What a callback wants of the run.</summary>
public enum TrainingSignal
{
    /// <summary>To go on.</summary>
    Continue,

    /// <summary>To end here, with the report of what was done.</summary>
    Stop,
}

/// <summary>Where a training run stands, reported after every step.</summary>
/// <param name="Epoch">The current epoch, from 1.</param>
/// <param name="Epochs">How many epochs there will be at most.</param>
/// <param name="Step">The last finished step within the epoch, from 1.</param>
/// <param name="StepsPerEpoch">How many steps an epoch has.</param>
/// <param name="Loss">The whole loss of that step, the terms beside the task's own among it; the epoch's mean is in its results.</param>
/// <param name="LearningRate">The learning rate of that step.</param>
/// <param name="CompletedEpoch">The epoch's results, on the report that follows its last step; otherwise null.</param>
public sealed record TrainingProgress(
    int Epoch, int Epochs, int Step, int StepsPerEpoch, double Loss, double LearningRate, EpochResult? CompletedEpoch)
{
    /// <summary>The share of the whole run that is done, from 0 to 1.</summary>
    public double Fraction => ((Epoch - 1) + ((double)Step / StepsPerEpoch)) / Epochs;
}

/// <summary>What one epoch came to.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainingLoss">The task's loss, the mean over the epoch's samples as they were trained.</param>
/// <param name="TrainingAccuracy">The share of samples classified rightly as they were trained; null where there are no classes.</param>
/// <param name="ValidationLoss">The task's loss on the validation set after the epoch; null where there is none.</param>
/// <param name="ValidationAccuracy">The accuracy on the validation set after the epoch; null where there is none, or there are no classes.</param>
/// <param name="Seconds">How long the epoch took, validation apart.</param>
/// <param name="Terms">The auxiliary terms of the loss, by name, the mean over the epoch; empty where all are off.</param>
/// <param name="Coefficients">Their coefficients after the epoch, by name.</param>
public sealed record EpochResult(
    int Epoch,
    double TrainingLoss,
    double? TrainingAccuracy,
    double? ValidationLoss,
    double? ValidationAccuracy,
    double Seconds,
    IReadOnlyDictionary<string, double> Terms,
    IReadOnlyDictionary<string, double> Coefficients)
{
    /// <summary>The metrics of the options over the epoch's samples as they were trained, by name.</summary>
    public IReadOnlyDictionary<string, double> TrainingMetrics { get; init; } = new Dictionary<string, double>();

    /// <summary>The metrics on the validation set after the epoch, by name; empty where there is none.</summary>
    public IReadOnlyDictionary<string, double> ValidationMetrics { get; init; } = new Dictionary<string, double>();

    /// <summary>
    /// The result on the validation set with the average of the trained parameters in their place; null where no average is kept yet or
    /// there is no such set.
    /// </summary>
    public Evaluation? AveragedValidation { get; init; }

    /// <summary>One line to read.</summary>
    public override string ToString()
    {
        var parts = new List<string> { Side("training", TrainingLoss, TrainingAccuracy, TrainingMetrics) };
        if (ValidationLoss is { } loss)
            parts.Add(Side("validation", loss, ValidationAccuracy, ValidationMetrics));
        if (AveragedValidation is { } averaged)
            parts.Add(Side("averaged", averaged.Loss, averaged.Accuracy, averaged.Metrics));
        if (Terms.Count > 0)
            parts.Add(string.Join(", ", Terms.Select(term => Text($"{term.Key} {term.Value:0.####}"))));
        return Text($"epoch {Epoch}: {string.Join("; ", parts)}; {Seconds:0.0} s");
    }

    /// <summary>A loss and what stands beside it.</summary>
    internal static string Side(string what, double loss, double? accuracy, IReadOnlyDictionary<string, double> metrics) => string.Join(", ", [
        Text($"{what} loss {loss:0.####}"),
        .. accuracy is { } share ? new[] { Text($"accuracy {100 * share:0.00}%") } : [],
        .. metrics.Select(metric => Text($"{metric.Key} {metric.Value:0.####}")),
    ]);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a training run came to.</summary>
/// <param name="History">The results of each epoch that was run; a callback's stop may have cut the last one short.</param>
/// <param name="BestEpoch">
/// The epoch with the best validation result (by <see cref="TrainingOptions.SelectBy"/>, accuracy, or loss); the last where nothing was held out.
/// </param>
/// <param name="StoppedEarly">Whether early stopping or a callback ended the run before its last step.</param>
/// <param name="Steps">The number of steps.</param>
/// <param name="MedianStepMilliseconds">The median time of a step: forward, backward and the optimiser's update.</param>
/// <param name="PeakMemoryBytes">The largest resident memory of the process so far, bytes.</param>
public sealed record TrainingReport(
    IReadOnlyList<EpochResult> History,
    int BestEpoch,
    bool StoppedEarly,
    long Steps,
    double MedianStepMilliseconds,
    long PeakMemoryBytes)
{
    /// <summary>The name of the task's loss that was trained.</summary>
    public string TaskLoss { get; init; } = "";

    /// <summary>A few lines to read: the run as a whole, and its best and last epochs.</summary>
    public override string ToString() => string.Join(Environment.NewLine, [
        string.Create(CultureInfo.InvariantCulture, $"{History.Count} epochs, {Steps:N0} steps, loss: {TaskLoss}{(StoppedEarly ? ", stopped early" : "")}; ")
            + string.Create(CultureInfo.InvariantCulture, $"median step {MedianStepMilliseconds:0.00} ms, peak memory {PeakMemoryBytes / 1e6:N0} MB"),
        .. BestEpoch >= 1 && BestEpoch < History.Count ? new[] { $"best {History[BestEpoch - 1]}" } : [],
        .. History.Count > 0 ? new[] { $"last {History[^1]}" } : [],
    ]);
}

/// <summary>
/// Training met a number that is not finite. The model holds the last state whose loss and gradients were finite or, where more than 2^20 numbers
/// are trained, the one in which it was noticed.
/// </summary>
public sealed class TrainingDivergedException : ArithmeticException
{
    /// <summary>What helps where a layer cannot take statistics.</summary>
    internal const string TooFewForStatistics = "a layer that takes statistics needs more than one value of each channel";

    private const string UsualCure = "a smaller learning rate is the usual cure";

    /// <summary>Says where training stopped and why.</summary>
    /// <param name="step">The step, counted from 0 over the whole run.</param>
    /// <param name="term">What was not finite, such as "task loss" or "gradient of 'latent'".</param>
    /// <param name="value">Its value.</param>
    public TrainingDivergedException(long step, string term, double value)
        : this(step, term, value, UsualCure)
    {
    }

    /// <summary>Says where training stopped, why, and what helps.</summary>
    /// <param name="step">The step, counted from 0 over the whole run.</param>
    /// <param name="term">What was not finite.</param>
    /// <param name="value">Its value.</param>
    /// <param name="cure">What helps, as the end of a sentence.</param>
    internal TrainingDivergedException(long step, string term, double value, string cure)
    {
        (Step, Term, Value, Cure) = (step, term, value, cure);
    }

    /// <summary>Where training stopped and why, in which state the model is, and what helps.</summary>
    public override string Message => FormattableString.Invariant($"Training stopped at step {Step}: the {Term} is {Value}. ")
        + (IsBack
            ? "The model is back at the last state whose loss and gradients were finite"
            : "The model is as it was when this was noticed: where more than 2^20 numbers are trained, no earlier state is kept")
        + $"; {Cure}.";

    /// <summary>The step, counted from 0 over the whole run.</summary>
    public long Step { get; }

    /// <summary>What was not finite.</summary>
    public string Term { get; }

    /// <summary>Its value.</summary>
    internal double Value { get; }

    /// <summary>What helps.</summary>
    internal string Cure { get; }

    /// <summary>Whether the model is back at the last good state; the run knows, not the step that throws.</summary>
    internal bool IsBack { get; set; } = true;
}
