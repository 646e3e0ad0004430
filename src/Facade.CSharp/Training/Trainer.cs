namespace MappingNets;

/// <summary>Trains a model, mapped or direct, on a data set.</summary>
/// <example>
/// <code>
/// var report = await new Trainer(model, new TrainingOptions { Epochs = 10 }).FitAsync(train, progress: progress);
///
/// // Can be interrupted at any time, and goes on where it was when it is called again:
/// new Trainer(model).Fit(train, cancellation: token, resumeFile: "run.safetensors");
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
    /// <exception cref="ArgumentException">
    /// Two options do not go together, or the loss has terms of a mapping and no mapping generates the model's weights; an option's name is
    /// the exception's argument.
    /// </exception>
    public Trainer(Model model, TrainingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        this.options = options ?? new();
        this.options.Check();
        StepLoss.RequireTerms(model, this.options);
    }

    /// <summary>Trains to the end of the epochs, to early stopping, or to cancellation.</summary>
    /// <param name="training">The training set.</param>
    /// <param name="validation">Data for model selection only; where null, the options' share of the training set is held out.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between steps; the model keeps the state of the last finished step.</param>
    /// <param name="resumeFile">
    /// A file that holds the run's state after each finished epoch, so that an interrupted run can go on: where it exists, the run
    /// continues after the epoch in it and ends with the bits of an uninterrupted one (on the same machine, with as many threads; not
    /// where the target draws from torch's own generator, as a borrowed module with dropout does). The model must be built as it was for
    /// the first start. The file stays after the last epoch, when a further call only puts the result back, or goes on where the options
    /// now have more epochs and neither the schedule (<see cref="LearningRateSchedule.DependsOnLength"/>) nor an average of the last epochs
    /// depends on their number; early stopping stays stopped. What a callback stopped goes on after its last whole epoch. Losses,
    /// optimisers, schedules and metrics are told apart by their names, data by its SHA-256 (64 samples of a data set that streams), networks by
    /// the kinds and settings of their layers (a module of your own by the classes of its parts), buffers
    /// at the start by their SHA-256. While the
    /// run lasts an empty file beside it, its name with ".lock" at the end, keeps it for this run alone. The caller deletes the file. Its
    /// folder must exist. Nothing is kept where null.
    /// </param>
    /// <returns>The run's history and figures.</returns>
    /// <exception cref="ArgumentException">
    /// The data does not fit the target, the loss, a metric or another option; early stopping, the best epoch or a metric to select by is
    /// asked for and nothing is held out to judge by; <see cref="TrainingOptions.ValidationFraction"/> leaves one of the two parts without a sample, or what it
    /// holds out of cropped data has not its size; the schedule does not fit the run or the optimiser.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The function of <see cref="Dataset.FromSamples"/> gave a sample of another shape or type than announced, with a wrong label or a number that is
    /// not finite. Or torch.inference_mode is on.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, a teacher or the data is disposed.</exception>
    /// <exception cref="NotSupportedException">There is a resume file, and the optimiser cannot write down what it remembers.</exception>
    /// <exception cref="TrainingDivergedException">
    /// A loss or gradient is not finite; the model keeps the state from when they last were. Where more than 2^20 numbers are trained it keeps
    /// the one in which that was noticed, because a copy at every step would be paid for. The message says which.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// It was cancelled. With a resume file, a further call loses nothing but the unfinished epoch.
    /// </exception>
    /// <exception cref="CheckpointFormatException">
    /// The resume file is damaged, or belongs to another run; the message says what differs. Or the model's base stays in its file
    /// (<see cref="PretrainedWeights.OnDisk"/>), which was written to.
    /// </exception>
    /// <exception cref="IOException">
    /// The resume file cannot be read, or written, which is tried before the first step; or another run uses it.
    /// </exception>
    public TrainingReport Fit(
        Dataset training,
        Dataset? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default,
        string? resumeFile = null)
    {
        if (resumeFile is not null)
            ArgumentException.ThrowIfNullOrWhiteSpace(resumeFile);
        var store = resumeFile is null ? null : new FileRunStore(resumeFile);
        return Prepared(training, validation, (kept, held) => new TrainingRun(model, options, kept, held, progress, cancellation, store).Run());
    }

    /// <summary>Checks the data, and runs with the part that is trained on and the one that is held out.</summary>
    internal TrainingReport Prepared(Dataset training, Dataset? validation, Func<Dataset, Dataset?, TrainingReport> run)
    {
        model.RequireAlive();
        DatasetChecks.Check(model.Target, training, options.TaskLoss);
        options.Check(model.Target, training);
        options.Distillation?.Check(model.Target, training);
        if (validation is not null)
        {
            DatasetChecks.Check(model.Target, validation, options.TaskLoss);
            options.Check(model.Target, validation);
            return run(training, validation);
        }

        var needing = options.RestoreBest ? nameof(options.RestoreBest)
            : options.EarlyStoppingPatience is not null ? nameof(options.EarlyStoppingPatience)
            : options.SelectBy is not null ? nameof(options.SelectBy)
            : null;
        if (options.ValidationFraction == 0 && needing is not null)
            throw new ArgumentException(
                $"{needing} needs a validation set: "
                + $"give one, or set {nameof(options.ValidationFraction)}.",
                nameof(validation));
        if (options.ValidationFraction == 0)
            return run(training, null);
        if (Math.Round(options.ValidationFraction * training.Count) is var held && (held < 1 || held >= training.Count))
            throw new ArgumentOutOfRangeException(
                nameof(TrainingOptions.ValidationFraction), options.ValidationFraction,
                $"Both parts need a sample: of {training.Count} it would hold out {held}.");

        var (kept, heldOut) = training.SplitHoldOut(options.ValidationFraction, options.Seed);
        using (kept)
        using (heldOut)
        {
            RequireUncropped(kept, heldOut);
            return run(kept, heldOut);
        }
    }

    // What is held out is not augmented, so a crop leaves it at its whole size.
    private void RequireUncropped(Dataset kept, Dataset heldOut)
    {
        foreach (var (shape, whole) in kept.InputShapes.Zip(heldOut.InputShapes))
            if (!shape.SequenceEqual(whole))
                throw new ArgumentException(
                    FormattableString.Invariant($"{nameof(TrainingOptions.ValidationFraction)} is {options.ValidationFraction}, and what it holds out is not cropped: ")
                    + $"it has the shape {ShapeText.Of(whole)}, where '{model.Target.Name}' takes {ShapeText.Of(shape)}. Give a validation set of that size.",
                    nameof(TrainingOptions.ValidationFraction));
    }

    /// <summary><see cref="Fit"/> on another thread. The task fails with the exceptions of <see cref="Fit"/>.</summary>
    /// <param name="training">The training set.</param>
    /// <param name="validation">Data for model selection only; where null, the options' share of the training set is held out.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between steps; the model keeps the state of the last finished step.</param>
    /// <param name="resumeFile">The file of the run's state, as for <see cref="Fit"/>; nothing is kept where null.</param>
    /// <returns>The run's history and figures.</returns>
    public Task<TrainingReport> FitAsync(
        Dataset training,
        Dataset? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default,
        string? resumeFile = null) =>
        Task.Run(() => Fit(training, validation, progress, cancellation, resumeFile), cancellation);
}
