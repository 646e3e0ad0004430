using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A fused mapping together with the centers of its target's tensors: z to the target's weights, and their gradients back to z.</summary>
internal sealed class WeightGenerator(FusedMapping mapping, TargetNetwork target)
{
    /// <summary>Whether it takes a latent like this one.</summary>
    public static bool Fits(Tensor latent) => FusedMapping.Fits(latent);

    /// <summary>One new tensor for each of the target's weights, outside any graph.</summary>
    public IReadOnlyList<Tensor> Generate(Tensor latent)
    {
        using var noGradient = no_grad();
        var weights = mapping.GenerateTensors(latent);
        target.MoveToCenters(weights);
        return weights;
    }

    /// <summary>z's gradient (d) from those of the weights; one that is invalid counts as 0.</summary>
    public Tensor Pullback(Tensor latent, IReadOnlyList<Tensor> gradients) =>
        mapping.PullbackOf(latent, [.. Complete(gradients)]);

    /// <summary>The same, differentiable in both.</summary>
    public Tensor DifferentiablePullback(Tensor latent, IReadOnlyList<Tensor> gradients) =>
        mapping.DifferentiablePullback(latent, cat([.. Complete(gradients).Select(gradient => gradient.reshape(-1))], 0));

    private IEnumerable<Tensor> Complete(IReadOnlyList<Tensor> gradients) =>
        gradients.Zip(target.Parameters, (gradient, parameter) =>
            gradient.IsInvalid ? zeros([.. parameter.Shape], dtype: ScalarType.Float32) : gradient);
}
