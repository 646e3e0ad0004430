using System.Diagnostics;
using TorchSharp;
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
    string? resumeFile = null)
{
    private readonly int stepsPerEpoch = (training.Count + options.BatchSize - 1) / options.BatchSize;
    private readonly double fullRate = options.LearningRate ?? model.DefaultLearningRate;
    private readonly RunState run = new();

    /// <summary>What the optimiser may change: the model's trainables and the raw coefficients of its loss, nothing else.</summary>
    internal static IReadOnlyList<Parameter> OptimisedParameters(Model model, StepLoss loss) =>
        loss.Raw is { } raw ? [.. model.Trainables, raw] : model.Trainables;

    public TrainingReport Run()
    {
        // The caller may stand in a block without gradients.
        using var gradients = enable_grad();
        using var loss = new StepLoss(model, options);
        using var lessons = options.Distillation is { } how ? new Lessons(how, training, model.Device, cancellation) : null;
        var parameters = OptimisedParameters(model, loss);
        using var optimizer = StepOptimizer.For(model, parameters, options.Optimizer);
        using var selection = new BestState(model, options);
        using var lastGood = new LastGoodState([.. parameters, .. model.State.Tensors]);
        using var resume = resumeFile is null
            ? null
            : new ResumeFile(resumeFile, model, RunIdentity.Settings(model, options, training, validation));
        resume?.Restore(run, loss, optimizer, selection, lastGood);
        try
        {
            for (var epoch = run.History.Count + 1; epoch <= options.Epochs && !run.StoppedEarly; epoch++)
            {
                var result = RunEpoch(epoch, loss, lessons, optimizer, parameters, lastGood);
                run.History.Add(result);
                run.StoppedEarly = validation is not null && selection.Offer(result) && epoch < options.Epochs;
                resume?.Save(run, loss, optimizer, selection, lastGood);
                progress?.Report(new(
                    epoch, options.Epochs, stepsPerEpoch, stepsPerEpoch, result.TrainingLoss, RateOf(run.Step - 1), result));
            }
        }
        catch (TrainingDivergedException)
        {
            lastGood.Restore();
            throw;
        }
        finally
        {
            if (model is MappedModel mapped)
                mapped.Coefficients = loss.Coefficients();
        }

        if (options.RestoreBest && validation is not null)
            selection.Restore();
        return new(
            run.History,
            validation is null ? run.History.Count : selection.Reached.Epoch,
            run.StoppedEarly,
            run.Step,
            Median(run.StepMilliseconds),
            Math.Max(run.PeakMemoryBytes, PeakMemoryBytes()));
    }

    /// <summary>The largest resident memory of this process so far, bytes.</summary>
    internal static long PeakMemoryBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private EpochResult RunEpoch(
        int epoch, StepLoss loss, Lessons? lessons, StepOptimizer optimizer, IReadOnlyList<Parameter> parameters, LastGoodState lastGood)
    {
        var clock = Stopwatch.StartNew();
        var sums = new EpochSums();
        var stepInEpoch = 0;
        foreach (var batch in training.Batches(options.BatchSize, options.Seed, epoch))
        {
            cancellation.ThrowIfCancellationRequested();
            var started = Stopwatch.GetTimestamp();
            double total;
            using (batch)
            using (NewDisposeScope())
                total = Step(batch, loss, lessons, optimizer, parameters, lastGood, sums);
            run.StepMilliseconds.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            stepInEpoch++;
            run.Step++;
            // Outside the scope: a tensor that the listener takes now is his.
            if (stepInEpoch < stepsPerEpoch)
                progress?.Report(new(epoch, options.Epochs, stepInEpoch, stepsPerEpoch, total, RateOf(run.Step - 1), null));
        }

        var seconds = clock.Elapsed.TotalSeconds;
        var held = validation is null ? null : Evaluation.Of(model, validation, cancellation: cancellation);
        if (held is not null && !double.IsFinite(held.Loss))
            throw new TrainingDivergedException(run.Step - 1, "validation loss", held.Loss);
        return new(
            epoch,
            sums.Loss / training.Count,
            training.IsClassification ? (double)sums.Right / Math.Max(1, sums.Judged) : null,
            held?.Loss,
            held?.Accuracy,
            seconds,
            sums.Terms(stepsPerEpoch),
            loss.Coefficients());
    }

    private double Step(
        Batch batch,
        StepLoss loss,
        Lessons? lessons,
        StepOptimizer optimizer,
        IReadOnlyList<Parameter> parameters,
        LastGoodState lastGood,
        EpochSums sums)
    {
        ForgetGradients(parameters, lastGood);
        var inputs = batch.InputsOn(model.Device);
        var targets = batch.Targets.to(model.Device);
        var values = loss.Compute(inputs, targets, lessons?.Of(batch), training.IsClassification, run.Step);
        var total = values.Total.ToDouble();
        if (!double.IsFinite(total))
            throw Diverged(values, total);
        loss.Backward(values);
        RequireFinite("gradient", parameters, parameter => parameter.grad);
        lastGood.Keep();
        optimizer.Step(RateOf(run.Step));
        if (lastGood.IsKept)
            RequireFinite("value", parameters, parameter => parameter);
        sums.Add(values, targets, batch.Count, training.IsClassification);
        return total;
    }

    /// <summary>
    /// Dropped rather than zeroed, so that the next backward pass hands its own tensors over instead of adding to old ones. But where
    /// many weights are trained themselves they are kept: tens of megabytes that come and go at every step leave holes in glibc's
    /// heap, which then grows from step to step.
    /// </summary>
    private static void ForgetGradients(IReadOnlyList<Parameter> parameters, LastGoodState lastGood)
    {
        using var noGradient = no_grad();
        foreach (var parameter in parameters)
            if (lastGood.IsKept)
                parameter.grad = null;
            else
                parameter.grad?.zero_();
    }

    private TrainingDivergedException Diverged(StepLoss.Values values, double total)
    {
        var task = values.Task.ToDouble();
        if (!double.IsFinite(task))
            return new(run.Step, "task loss", task);
        foreach (var (name, term) in StepLoss.TermNames.Zip(values.Terms))
            if (term?.ToDouble() is { } value && !double.IsFinite(value))
                return new(run.Step, $"{name} term", value);
        return new(run.Step, "whole loss", total);
    }

    private void RequireFinite(string what, IReadOnlyList<Parameter> parameters, Func<Parameter, Tensor?> read)
    {
        using var noGradient = no_grad();
        for (var index = 0; index < parameters.Count; index++)
        {
            // A sum that is finite has only finite terms; one that is not has a bad term, or terms beyond all use.
            if (read(parameters[index]) is { } values && values.sum().ToDouble() is var sum && !double.IsFinite(sum))
            {
                var names = model.TrainableNames;
                throw new TrainingDivergedException(
                    run.Step, $"{what} of '{(index < names.Count ? names[index] : "the loss coefficients")}'", sum);
            }
        }
    }

    private double RateOf(long at) => options.RateAt(fullRate, at, (long)options.Epochs * stepsPerEpoch);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
