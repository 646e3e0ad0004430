using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A mapping's fused passes, the activation behind them, and the centers of its target's tensors: z to the target's weights, and their gradients
/// back to z.
/// </summary>
/// <param name="mapping">The mapping; it must have fused passes (<see cref="StreamedPart.MissingOf"/>).</param>
/// <param name="target">The network.</param>
/// <param name="aroundCenters">Whether the centers are added; trained scales come before them.</param>
internal sealed class WeightGenerator(Mapping mapping, TargetNetwork target, bool aroundCenters)
{
    private readonly FusedMapping passes = mapping.TensorPasses!;

    /// <summary>Whether it takes a latent like this one.</summary>
    public static bool Fits(Tensor latent) => FusedMapping.Fits(latent);

    private bool IsActivated => mapping.Activation != MappingActivation.Identity;

    /// <summary>One new tensor for each of the target's weights, outside any graph.</summary>
    public IReadOnlyList<Tensor> Generate(Tensor latent)
    {
        using var noGradient = no_grad();
        var weights = passes.GenerateTensors(latent);
        if (IsActivated)
            for (var index = 0; index < weights.Length; index++)
            {
                using var scope = NewDisposeScope();
                weights[index].copy_(mapping.Activate(index, weights[index]));
            }

        if (aroundCenters)
            target.MoveToCenters(weights);
        return weights;
    }

    /// <summary>z's gradient (d) from those of the weights; one that is invalid counts as 0.</summary>
    public Tensor Pullback(Tensor latent, IReadOnlyList<Tensor> gradients)
    {
        Tensor[] complete = [.. Complete(gradients)];
        return passes.PullbackOf(latent, IsActivated ? ThroughActivation(latent, complete) : complete);
    }

    /// <summary>The same, differentiable in both.</summary>
    public Tensor DifferentiablePullback(Tensor latent, IReadOnlyList<Tensor> gradients)
    {
        var flat = cat([.. Complete(gradients).Select(gradient => gradient.reshape(-1))], 0);
        return IsActivated
            ? autograd.grad([mapping.GenerateComposed(latent)], [latent], [flat], retain_graph: true, create_graph: true)[0]
            : passes.DifferentiablePullback(latent, flat);
    }

    // Made once more rather than kept: a pass over memory costs less than the weights' room until then. As StreamedPart has it, tensor by tensor.
    private Tensor[] ThroughActivation(Tensor latent, Tensor[] gradients)
    {
        var before = passes.GenerateTensors(latent);
        using var withGradient = enable_grad();
        return [.. before.Select((values, index) =>
            autograd.grad([mapping.Activate(index, values.requires_grad_())], [values], [gradients[index]])[0])];
    }

    private IEnumerable<Tensor> Complete(IReadOnlyList<Tensor> gradients) =>
        gradients.Zip(target.Parameters, (gradient, parameter) =>
            gradient.IsInvalid ? zeros([.. parameter.Shape], dtype: ScalarType.Float32, device: CPU) : gradient);
}
