using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One step of training: the gradient of its parts, and the optimiser's update.</summary>
internal sealed class TrainingStep(
    Model model,
    TrainingOptions options,
    PartGradient parts,
    IStepGradients gradients,
    StepOptimizer optimizer,
    IReadOnlyList<Parameter> parameters,
    LastGoodState lastGood)
{
    /// <summary>Takes a step.</summary>
    /// <param name="place">The step.</param>
    /// <param name="sums">What the epoch adds up.</param>
    /// <returns>The whole loss; null where the run ends before this step.</returns>
    /// <exception cref="TrainingDivergedException">A loss, a gradient or a parameter is not finite.</exception>
    public double? Take(StepPlace place, EpochSums sums)
    {
        using var scope = NewDisposeScope();
        if (gradients.Take(place, sums) is not { } total)
            return null;
        RequireFinite(place.Step, "gradient", parameter => parameter.grad);
        parts.RequireFiniteStatistics(place.Step);
        if (options.ClipGradientValue is { } value)
            nn.utils.clip_grad_value_(parameters, value);
        if (options.ClipGradientNorm is { } norm)
            nn.utils.clip_grad_norm_(parameters, norm);
        lastGood.Keep();
        optimizer.Step();
        if (lastGood.IsKept)
            RequireFinite(place.Step, "value", parameter => parameter);
        return total;
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
