using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The gradient of one part of a step: a batch that goes through the network by itself.</summary>
internal sealed class PartGradient(
    Model model, TrainingOptions options, Dataset training, StepLoss loss, Lessons? lessons, IReadOnlyList<Parameter> parameters, bool areFew)
    : IDisposable
{
    // The network's buffers that are finite now, such as running statistics, and must stay so; a mask may consist of infinities.
    private readonly (string Name, Tensor Values)[] statistics =
    [
        .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (buffer.Name, values))
            .Where(buffer => buffer.values.is_floating_point() && FiniteNumbers.AllIn(buffer.values)),
    ];

    private readonly bool hasAccuracy = DatasetChecks.HasAccuracy(model.Target, training);
    private readonly IReadOnlyList<Metric> metrics = options.AllMetrics;
    private readonly BatchesAhead batches = new(training, StepShape.Of(options, training), options.LoadAhead, epoch => training.Order(options.Seed, epoch));

    /// <summary>How the run cuts its data.</summary>
    public StepShape Shape { get; } = StepShape.Of(options, training);

    /// <summary>
    /// Forgets the gradients. They are dropped rather than zeroed, so that the next backward pass hands its own tensors over instead of
    /// adding to old ones. But where many weights are trained themselves they are kept: tens of megabytes that come and go at every step
    /// leave holes in glibc's heap, which then grows from step to step.
    /// </summary>
    public void Forget()
    {
        using var noGradient = no_grad();
        foreach (var parameter in parameters)
            if (areFew)
                parameter.grad = null;
            else
                parameter.grad?.zero_();
    }

    /// <summary>Adds a part's share of the step's gradient to those that the parameters have.</summary>
    /// <param name="place">The step.</param>
    /// <param name="part">The part, from 0 to below <see cref="StepShape.PartsOf"/>.</param>
    /// <returns>What the epoch adds up.</returns>
    /// <exception cref="TrainingDivergedException">The loss is not finite.</exception>
    public BatchFigures Add(StepPlace place, int part)
    {
        using var scope = NewDisposeScope();
        using var batch = batches.Take(place.Epoch, Shape.SamplesOf(place, part).First);
        var share = Shape.ShareOf(place, part);
        var inputs = batch.InputsOn(model.Device);
        var targets = DatasetChecks.Fitted(batch.Targets.to(model.Device), model.Target, training);
        var taught = lessons?.Of(batch);
        var values = loss.Compute(
            inputs, targets, taught, training.IsClassification, (place.Step * options.GradientAccumulation) + part);
        var total = values.Total.ToDouble();
        if (!double.IsFinite(total))
            throw Diverged(place.Step, values, total);
        (share == 1 ? values.Total : values.Total.mul(tensor((float)share, device: model.Device))).backward();
        return BatchFigures.Of(
            values, total, options.TaskLoss?.Judging(targets) ?? targets, loss.WeightOf(targets, taught, training.IsClassification), hasAccuracy, metrics);
    }

    /// <summary>Refuses buffers that are not finite any more, before they are kept as the last good state.</summary>
    /// <exception cref="TrainingDivergedException">A buffer is not finite.</exception>
    public void RequireFiniteStatistics(long step)
    {
        foreach (var (name, values) in statistics)
            if (!FiniteNumbers.AllIn(values))
                throw new TrainingDivergedException(
                    step, $"buffer '{name}'", values.sum().ToDouble(), TrainingDivergedException.TooFewForStatistics);
    }

    /// <summary>Frees the batches that were made ahead.</summary>
    public void Dispose() => batches.Dispose();

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
}
