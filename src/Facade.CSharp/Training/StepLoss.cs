using MappingNets.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The loss of one step: the task's own and the auxiliary terms that are on, with their trainable coefficients.</summary>
internal sealed class StepLoss : IDisposable
{
    /// <summary>The names of the auxiliary terms in the core's order.</summary>
    public static readonly string[] TermNames = ["stability", "smoothness", "alignment"];

    private readonly Model model;
    private readonly LossOptions options;
    private readonly double labelSmoothing;
    private readonly TaskLoss? taskLoss;
    private readonly Distillation? distillation;
    private readonly ulong seed;
    private readonly bool training;
    private readonly Parameter? raw;

    public StepLoss(Model model, TrainingOptions options)
    {
        RequireTerms(model, options);
        (this.model, this.options, seed) = (model, options.Loss, options.Seed);
        training = !(options.FrozenStatistics ?? model.DefaultFrozenStatistics);
        labelSmoothing = options.LabelSmoothing;
        taskLoss = options.TaskLoss;
        distillation = options.Distillation;
        var count = MappingLoss.trainableCount(this.options);
        raw = count == 0 ? null : Trainable.From(zeros(count, dtype: ScalarType.Float32, device: model.Device));
    }

    /// <summary>Refuses terms for a model that has none.</summary>
    public static void RequireTerms(Model model, TrainingOptions options)
    {
        if (!options.Loss.IsTaskOnly && !model.HasTerms)
            throw new ArgumentException(
                $"{model.WithoutTerms} Leave {nameof(TrainingOptions.Loss)} at {nameof(LossOptions)}.{nameof(LossOptions.TaskOnly)}.",
                nameof(TrainingOptions.Loss));
    }

    /// <summary>The number u behind each trained coefficient; null where none is trained.</summary>
    public Parameter? Raw => raw;

    /// <summary>The values of a step: scalars connected to the trainables.</summary>
    public sealed record Values(Tensor Total, Tensor Task, Tensor Outputs, IReadOnlyList<Tensor?> Terms);

    /// <summary>The loss of one batch.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="targets">The labels or numbers; not looked at where the batch is taught.</param>
    /// <param name="taught">The teachers' outputs for the inputs; null without teachers.</param>
    /// <param name="isClassification">Whether the targets are labels.</param>
    /// <param name="step">The step, which decides the noise.</param>
    public Values Compute(IReadOnlyList<Tensor> inputs, Tensor targets, Tensor? taught, bool isClassification, long step)
    {
        if (options.IsTaskOnly)
        {
            var outputs = model.Outputs(inputs, training);
            var alone = Task(outputs, targets, taught, isClassification);
            return new(alone, alone, outputs, [null, null, null]);
        }

        var terms = model.Terms(inputs, training);
        var task = Task(terms.Outputs, targets, taught, isClassification);
        var stability = !options.Stability.IsOff ? terms.Stability(step, seed, options.NoiseDeviation, options.StabilityShare) : null;
        var smoothness = !options.Smoothness.IsOff ? terms.Smoothness() : null;
        var alignment = !options.Alignment.IsOff ? terms.Alignment() : null;
        var total = MappingLoss.total(options, raw, task, new(stability, smoothness, alignment));
        return new(total, task, terms.Outputs, [stability, smoothness, alignment]);
    }

    /// <summary>How much a batch counts in the epoch's mean: as in an evaluation, so that it does not depend on how the data is cut.</summary>
    public double WeightOf(Tensor targets, Tensor? taught, bool isClassification) =>
        distillation is not null && taught is not null ? targets.shape[0]
        : taskLoss?.WeightOf(targets) ?? TaskLoss.WeightOf(targets, isClassification);

    private Tensor Task(Tensor outputs, Tensor targets, Tensor? taught, bool isClassification) =>
        distillation is null || taught is null
            ? taskLoss?.Compute(outputs, targets) ?? TaskLoss.Of(outputs, targets, isClassification, labelSmoothing)
            : distillation.Loss(taught, outputs);

    /// <summary>The coefficients now, by the terms' names; those that are off are left out.</summary>
    public IReadOnlyDictionary<string, double> Coefficients()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return TermNames.Zip(MappingLoss.current(options, raw)).Where(pair => pair.Second > 0)
            .ToDictionary(pair => pair.First, pair => pair.Second);
    }

    public void Dispose()
    {
        raw?.Dispose();
    }
}
