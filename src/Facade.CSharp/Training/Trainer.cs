namespace MappingNets;

/// <summary>Trains a model, mapped or direct, on a data set.</summary>
/// <example>
/// <code>
/// var report = await new Trainer(model, new TrainingOptions { Epochs = 10 }).FitAsync(train, progress: progress);
/// </code>
/// </example>
public sealed class Trainer
{
    private readonly Model model;
    private readonly TrainingOptions options;

    /// <summary>A trainer of a model.</summary>
    /// <param name="model">The model to train; the trainer does not own it.</param>
    /// <param name="options">How to train; the defaults where none are given.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; its name is the exception's argument.</exception>
    public Trainer(Model model, TrainingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        this.options = options ?? new();
        this.options.Check();
    }

    /// <summary>Trains to the end of the epochs, to early stopping, or to cancellation.</summary>
    /// <param name="training">The training set.</param>
    /// <param name="validation">Data for model selection only; where null, the options' share of the training set is held out.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between steps; the model keeps the state of the last finished step.</param>
    /// <returns>The run's history and figures.</returns>
    /// <exception cref="ArgumentException">
    /// The data does not fit the target; early stopping or the best epoch is asked for and nothing is held out to judge by.
    /// </exception>
    /// <exception cref="TrainingDivergedException">
    /// A loss or gradient is not finite; the model keeps the state from when they last were. Directly trained models of more than
    /// 2^20 weights keep the state in which it was noticed, because a copy at every step would be paid for.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingReport Fit(
        Dataset training,
        Dataset? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        DatasetChecks.Check(model.Target, training);
        if (validation is not null)
        {
            DatasetChecks.Check(model.Target, validation);
            return new TrainingRun(model, options, training, validation, progress, cancellation).Run();
        }

        if (options.ValidationFraction == 0 && (options.EarlyStoppingPatience is not null || options.RestoreBest))
            throw new ArgumentException(
                $"{(options.RestoreBest ? nameof(options.RestoreBest) : nameof(options.EarlyStoppingPatience))} needs a validation set: "
                + $"give one, or set {nameof(options.ValidationFraction)}.",
                nameof(validation));
        if (options.ValidationFraction == 0)
            return new TrainingRun(model, options, training, null, progress, cancellation).Run();

        var (kept, heldOut) = training.SplitHoldOut(options.ValidationFraction, options.Seed);
        using (kept)
        using (heldOut)
            return new TrainingRun(model, options, kept, heldOut, progress, cancellation).Run();
    }

    /// <summary><see cref="Fit"/> on another thread.</summary>
    /// <param name="training">The training set.</param>
    /// <param name="validation">Data for model selection only; where null, the options' share of the training set is held out.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between steps; the model keeps the state of the last finished step.</param>
    /// <returns>The run's history and figures.</returns>
    public Task<TrainingReport> FitAsync(
        Dataset training,
        Dataset? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default) =>
        Task.Run(() => Fit(training, validation, progress, cancellation), cancellation);
}
