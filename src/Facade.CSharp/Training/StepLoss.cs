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
    private readonly LossCoefficients coefficients;
    private readonly CounterHash.Key noise;
    private readonly Parameter? raw;
    private readonly GeneratedWeights? generated;
    private readonly GeneratedWeights? perturbed;

    public StepLoss(Model model, TrainingOptions options)
    {
        this.model = model;
        // The auxiliary terms speak of a mapping; a directly trained model has none.
        this.options = model is MappedModel ? options.Loss : LossOptions.TaskOnly;
        labelSmoothing = options.LabelSmoothing;
        taskLoss = options.TaskLoss;
        distillation = options.Distillation;
        coefficients = this.options.ToCore();
        noise = CounterHash.named("stability-noise", CounterHash.ofSeed(options.Seed));
        var count = MappingLoss.trainableCount(coefficients);
        raw = count == 0 ? null : Trainable.From(zeros(count, device: model.Device));
        if (model is MappedModel { TrainableScales: null, Mapping.Fused: { } fused } && model.Device.type == TorchSharp.DeviceType.CPU)
        {
            generated = new(model.Target, fused);
            if (this.options.Stability.Value > 0)
                perturbed = new(model.Target, fused);
        }
    }

    /// <summary>The trainable coefficients behind their bounded form; null where none is trained.</summary>
    public Parameter? Raw => raw;

    /// <summary>The values of a step: scalars connected to the trainables.</summary>
    public sealed record Values(Tensor Total, Tensor Task, Tensor Outputs, IReadOnlyList<Tensor?> Terms);

    /// <summary>The loss of one batch.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="targets">The labels or numbers; not looked at where the batch is taught.</param>
    /// <param name="taught">What the teachers say of the inputs; null without teachers.</param>
    /// <param name="isClassification">Whether the targets are labels.</param>
    /// <param name="step">The step, which decides the noise.</param>
    public Values Compute(IReadOnlyList<Tensor> inputs, Tensor targets, Tensor? taught, bool isClassification, long step)
    {
        var outputs = model.Target.Forward(inputs, WeightsAt(generated, null), model.State, training: true);
        var task = distillation is null || taught is null
            ? taskLoss?.Compute(outputs, targets) ?? TaskLoss.Of(outputs, targets, isClassification, labelSmoothing)
            : distillation.Loss(taught, outputs);
        if (options.IsTaskOnly || model is not MappedModel mapped)
            return new(task, task, outputs, [null, null, null]);

        Tensor? stability = null;
        if (options.Stability.Value > 0)
        {
            var shifted = mapped.Latent + MappingLoss.noise(noise, step, options.NoiseDeviation, mapped.Latent);
            // Running statistics are those of the model's own weights: this pass moves a copy of them.
            using var aside = model.State.Copy();
            var moved = mapped.Target.Forward(inputs, WeightsAt(perturbed, shifted), aside, training: true);
            stability = MappingLoss.stability(moved, outputs);
        }

        var smoothness = options.Smoothness.Value > 0 ? MappingLoss.smoothness(mapped.Mapping, mapped.Latent) : null;
        var alignment = options.Alignment.Value > 0 ? MappingLoss.alignment(mapped.Mapping, mapped.Latent) : null;
        var total = MappingLoss.total(coefficients, raw, task, new(stability, smoothness, alignment));
        return new(total, task, outputs, [stability, smoothness, alignment]);
    }

    /// <summary>Leaves the gradients of a step's loss at the trainables.</summary>
    public void Backward(Values values)
    {
        values.Total.backward();
        if (generated is null || model is not MappedModel mapped)
            return;
        using var noGradient = no_grad();
        var gradient = generated.Pullback();
        if (perturbed is not null)
            gradient.add_(perturbed.Pullback());
        // What the smoothness and alignment terms left there themselves.
        if (mapped.Latent.grad is { } own)
            gradient.add_(own);
        mapped.Latent.grad = gradient;
    }

    /// <summary>The weights at the model's own latent, or at another: in a kept buffer where the mapping can be fused.</summary>
    private IReadOnlyList<Tensor> WeightsAt(GeneratedWeights? buffer, Tensor? latent)
    {
        if (model is not MappedModel mapped)
            return model.CurrentWeights();
        return buffer is null ? mapped.WeightsAt(latent ?? mapped.Latent) : buffer.Generate(latent ?? mapped.Latent);
    }

    /// <summary>The coefficients now, by the terms' names; those that are off are left out.</summary>
    public IReadOnlyDictionary<string, double> Coefficients()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return TermNames.Zip(MappingLoss.current(coefficients, raw)).Where(pair => pair.Second > 0)
            .ToDictionary(pair => pair.First, pair => pair.Second);
    }

    public void Dispose()
    {
        raw?.Dispose();
        generated?.Dispose();
        perturbed?.Dispose();
    }
}
