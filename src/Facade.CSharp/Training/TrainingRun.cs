using System.Diagnostics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One run of the trainer: the loop over epochs and steps, and what it keeps count of.</summary>
internal sealed class TrainingRun(
    Model model,
    TrainingOptions options,
    Dataset training,
    Dataset? validation,
    IProgress<TrainingProgress>? progress,
    CancellationToken cancellation,
    IRunStore? store = null,
    Func<PartGradient, IReadOnlyList<Parameter>, IStepGradients>? share = null)
{
    private readonly int stepsPerEpoch = StepShape.Of(options, training).StepsPerEpoch;
    private readonly IReadOnlyList<Metric> metrics = options.AllMetrics;
    private readonly RunState run = new();

    // Asked for by a callback: it ends this call, and a run that goes on from its file is not bound by it.
    private bool isToStop;

    /// <summary>What the optimiser may change: the model's trainables and the raw coefficients of its loss, nothing else.</summary>
    internal static IReadOnlyList<Parameter> OptimisedParameters(Model model, StepLoss loss) =>
        loss.Raw is { } raw ? [.. model.Trainables, raw] : model.Trainables;

    public TrainingReport Run()
    {
        InferenceTensors.RequireNoInferenceMode();
        using var activity = Telemetry.Train(model, options);
        // The caller may stand in a block without gradients.
        using var gradients = enable_grad();
        using var loss = new StepLoss(model, options);
        using var lessons = options.Distillation is { } how ? new Lessons(how, training, model.Device, cancellation) : null;
        var parameters = OptimisedParameters(model, loss);
        using var optimizer = options.Optimizer.Build(model, parameters, loss.Raw, options);
        var rates = options.Schedule.Start(optimizer.Rates, (long)options.Epochs * stepsPerEpoch);
        using var selection = new BestState(model, options);
        using var average = StateAverage.For(model, options);
        using var lastGood = new LastGoodState(parameters, model.State.Tensors);
        if (store is not null)
            optimizer.RequireSaving();
        using var sole = store?.Take();
        using var resume = store is null
            ? null
            : new ResumeFile(store, model, RunIdentity.Settings(model, options, training, validation), new(run, loss, optimizer, selection, average, lastGood));
        resume?.Restore(options, rates, stepsPerEpoch);
        using var parts = new PartGradient(model, options, training, loss, lessons, parameters, lastGood.IsKept);
        var step = new TrainingStep(
            model, options, parts, share?.Invoke(parts, parameters) ?? new SoleGradients(parts), optimizer, parameters, lastGood);
        try
        {
            for (var epoch = run.History.Count + 1; epoch <= options.Epochs && !run.StoppedEarly && !isToStop; epoch++)
                RunEpoch(epoch, step, loss, optimizer, rates, selection, average, resume);
        }
        catch (TrainingDivergedException fault)
        {
            lastGood.Restore();
            fault.IsBack = lastGood.IsKept;
            throw;
        }
        finally
        {
            model.TakeCoefficients(loss.Coefficients());
        }

        if (options.RestoreBest && validation is not null)
            selection.Restore();
        if (options.RestoreAverage)
            average!.Restore();
        return new(
            run.History,
            validation is null ? run.History.Count : selection.Reached.Epoch,
            run.StoppedEarly || run.Step < (long)options.Epochs * stepsPerEpoch,
            run.Step,
            run.StepTimes.Median,
            Math.Max(run.PeakMemoryBytes, PeakMemoryBytes()))
        {
            TaskLoss = options.TaskLoss?.Name ?? (lessons is null ? TaskLoss.NameFor(training.IsClassification) : "distillation"),
        };
    }

    /// <summary>The largest resident memory of this process so far, bytes.</summary>
    internal static long PeakMemoryBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    // In 64 bits: a batch may be as large as the type allows, and a step takes several.
    private int SamplesOf(long step)
    {
        var size = (long)options.BatchSize * options.GradientAccumulation;
        return (int)Math.Min(size, training.Count - (step * size));
    }

    private void RunEpoch(
        int epoch,
        TrainingStep step,
        StepLoss loss,
        StepOptimizer optimizer,
        RateCourse rates,
        BestState selection,
        StateAverage? average,
        ResumeFile? resume)
    {
        using var activity = Telemetry.Epoch(epoch);
        var clock = Stopwatch.StartNew();
        var sums = new EpochSums(metrics);
        var (done, total, rate) = (0, 0.0, 0.0);
        while (!isToStop && done < stepsPerEpoch)
        {
            cancellation.ThrowIfCancellationRequested();
            var started = Stopwatch.GetTimestamp();
            rates.BeforeStep(run.Step);
            rate = optimizer.Rate;
            if (step.Take(new(epoch, done, run.Step), sums) is not { } taken)
            {
                isToStop = true;
                break;
            }

            total = taken;
            average?.Add(epoch);
            var took = Stopwatch.GetElapsedTime(started);
            run.StepTimes.Add(took.TotalMilliseconds);
            if (Telemetry.IsHeard)
                Telemetry.Step(model, SamplesOf(done), took, total);
            done++;
            run.Step++;
            // No scope is open here: a tensor that a listener takes now is the listener's.
            var here = new TrainingProgress(epoch, options.Epochs, done, stepsPerEpoch, total, rate, null);
            if (done < stepsPerEpoch)
                progress?.Report(here);
            isToStop = options.OnStep?.Invoke(here) == TrainingSignal.Stop;
        }

        // Another process ended the run after the epoch before this one.
        if (done == 0)
            return;
        var result = Result(epoch, sums, loss, average, clock.Elapsed.TotalSeconds);
        Telemetry.End(activity, result);
        run.History.Add(result);
        run.StoppedEarly = validation is not null && selection.Offer(result) && epoch < options.Epochs;
        rates.AfterEpoch(result.ValidationLoss ?? result.TrainingLoss);
        // What a callback cut short is no whole epoch to go on from.
        if (done == stepsPerEpoch)
            resume?.Save();
        var completed = new TrainingProgress(epoch, options.Epochs, done, stepsPerEpoch, total, rate, result);
        progress?.Report(completed);
        isToStop |= options.OnEpoch?.Invoke(completed) == TrainingSignal.Stop;
    }

    private EpochResult Result(int epoch, EpochSums sums, StepLoss loss, StateAverage? average, double seconds)
    {
        Evaluation? Evaluate() => validation is null
            ? null
            : Evaluation.Of(model, validation, cancellation: cancellation, loss: options.TaskLoss, metrics: metrics);
        var held = Evaluate();
        if (held is not null && !double.IsFinite(held.Loss))
            throw new TrainingDivergedException(run.Step - 1, "validation loss", held.Loss);
        return new(
            epoch,
            sums.MeanLoss,
            DatasetChecks.HasAccuracy(model.Target, training) ? (double)sums.Right / Math.Max(1, sums.Judged) : null,
            held?.Loss,
            held?.Accuracy,
            seconds,
            sums.Terms(),
            loss.Coefficients())
        {
            TrainingMetrics = sums.Metrics,
            ValidationMetrics = held?.Metrics ?? new Dictionary<string, double>(),
            AveragedValidation = validation is null ? null : average?.Evaluate(Evaluate),
        };
    }
}
