using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The target's weights at a latent, kept in one buffer through all steps: generated in one pass over memory, and their
/// gradients taken back to the latent in another. No graph over the weights exists between the two.
/// </summary>
internal sealed class GeneratedWeights : IDisposable
{
    private readonly FusedMapping mapping;
    private readonly TargetNetwork target;
    private readonly Tensor theta;
    private readonly Tensor[] weights;
    private Tensor? at;

    public GeneratedWeights(TargetNetwork target, FusedMapping mapping)
    {
        (this.target, this.mapping) = (target, mapping);
        var layout = target.Layout;
        theta = empty(layout.Count, dtype: float32).DetachFromDisposeScope();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        weights = [.. layout.Split(theta).Select(weight => weight.detach().DetachFromDisposeScope().requires_grad_())];
    }

    /// <summary>Generates the weights at a latent: leaves of a graph that starts at them.</summary>
    public IReadOnlyList<Tensor> Generate(Tensor latent)
    {
        at?.Dispose();
        at = latent.detach().DetachFromDisposeScope();
        foreach (var weight in weights)
            weight.grad = null;
        mapping.GenerateInto(at, theta);
        using var noGradient = no_grad();
        target.MoveToCenters(weights);
        return weights;
    }

    /// <summary>The latent's gradient (d) from those that a backward pass left at the weights.</summary>
    public Tensor Pullback()
    {
        using var scope = NewDisposeScope();
        var gradients = weights.Select(weight => weight.grad ?? zeros_like(weight)).ToArray();
        return mapping.PullbackOf(at!, gradients).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        at?.Dispose();
        theta.Dispose();
        foreach (var weight in weights)
            weight.Dispose();
    }
}
