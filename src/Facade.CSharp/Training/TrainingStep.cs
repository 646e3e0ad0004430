using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One step of training: the gradient of a batch, or of several, and the optimiser's update.</summary>
internal sealed class TrainingStep(
    Model model,
    TrainingOptions options,
    Dataset training,
    StepLoss loss,
    Lessons? lessons,
    StepOptimizer optimizer,
    IReadOnlyList<Parameter> parameters,
    LastGoodState lastGood)
{
    // The network's buffers that are finite now, such as running statistics, and must stay so; a mask may consist of infinities.
    private readonly (string Name, Tensor Values)[] statistics =
    [
        .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (buffer.Name, values))
            .Where(buffer => buffer.values.is_floating_point() && FiniteNumbers.AllIn(buffer.values)),
    ];

    private readonly bool hasAccuracy = DatasetChecks.HasAccuracy(model.Target, training);

    /// <summary>Takes a step.</summary>
    /// <param name="batches">An epoch's batches, the step's first one current; left at its last one.</param>
    /// <param name="step">The step, counted from 0 over the whole run.</param>
    /// <param name="sums">What the epoch adds up.</param>
    /// <returns>The whole loss.</returns>
    /// <exception cref="TrainingDivergedException">A loss, a gradient or a parameter is not finite.</exception>
    public double Take(IEnumerator<Batch> batches, long step, EpochSums sums)
    {
        using var scope = NewDisposeScope();
        ForgetGradients();
        var samples = Math.Min((long)options.BatchSize * options.GradientAccumulation, training.Count - sums.Count);
        var total = 0.0;
        for (var part = 0; part == 0 || (part < options.GradientAccumulation && batches.MoveNext()); part++)
            using (var batch = batches.Current)
                total += AddGradient(batch, step, part, (double)batch.Count / samples, sums);
        RequireFinite(step, "gradient", parameter => parameter.grad);
        RequireFiniteStatistics(step);
        if (options.ClipGradientValue is { } value)
            nn.utils.clip_grad_value_(parameters, value);
        if (options.ClipGradientNorm is { } norm)
            nn.utils.clip_grad_norm_(parameters, norm);
        lastGood.Keep();
        optimizer.Step();
        if (lastGood.IsKept)
            RequireFinite(step, "value", parameter => parameter);
        return total;
    }

    private double AddGradient(Batch batch, long step, int part, double share, EpochSums sums)
    {
        using var scope = NewDisposeScope();
        var inputs = batch.InputsOn(model.Device);
        var targets = DatasetChecks.Fitted(batch.Targets.to(model.Device), model.Target, training);
        var taught = lessons?.Of(batch);
        var values = loss.Compute(
            inputs, targets, taught, training.IsClassification, (step * options.GradientAccumulation) + part);
        var total = values.Total.ToDouble();
        if (!double.IsFinite(total))
            throw Diverged(step, values, total);
        (share == 1 ? values.Total : values.Total.mul(tensor((float)share, device: model.Device))).backward();
        sums.Add(values, targets, batch.Count, loss.WeightOf(targets, taught, training.IsClassification), hasAccuracy);
        return total * share;
    }

    /// <summary>
    /// Dropped rather than zeroed, so that the next backward pass hands its own tensors over instead of adding to old ones. But where
    /// many weights are trained themselves they are kept: tens of megabytes that come and go at every step leave holes in glibc's
    /// heap, which then grows from step to step.
    /// </summary>
    private void ForgetGradients()
    {
        using var noGradient = no_grad();
        foreach (var parameter in parameters)
            if (lastGood.IsKept)
                parameter.grad = null;
            else
                parameter.grad?.zero_();
    }

    private static TrainingDivergedException Diverged(long step, StepLoss.Values values, double total)
    {
        var task = values.Task.ToDouble();
        if (!double.IsFinite(task))
            return new(step, "task loss", task);
        foreach (var (name, term) in StepLoss.TermNames.Zip(values.Terms))
            if (term?.ToDouble() is { } value && !double.IsFinite(value))
                return new(step, $"{name} term", value);
        return new(step, "whole loss", total);
    }

    // Before they are kept as the last good state.
    private void RequireFiniteStatistics(long step)
    {
        foreach (var (name, values) in statistics)
            if (!FiniteNumbers.AllIn(values))
                throw new TrainingDivergedException(
                    step, $"buffer '{name}'", values.sum().ToDouble(), "a layer that takes statistics needs more than one value of each channel");
    }

    private void RequireFinite(long step, string what, Func<Parameter, Tensor?> read)
    {
        using var noGradient = no_grad();
        for (var index = 0; index < parameters.Count; index++)
        {
            if (read(parameters[index]) is { } values && !FiniteNumbers.AllIn(values))
            {
                var names = model.TrainableNames;
                throw new TrainingDivergedException(
                    step, $"{what} of '{(index < names.Count ? names[index] : "the loss coefficients")}'", values.sum().ToDouble());
            }
        }
    }
}
