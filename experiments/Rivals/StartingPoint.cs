using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// What all rivals share with this library's own mappings, so that only the way of generation differs: theta_0, the start of direct
/// training with the same seed, and the scale 1 / sqrt(fan-in) of every weight.
/// </summary>
internal sealed class StartingPoint : IDisposable
{
    /// <summary>The shared start of a target.</summary>
    /// <param name="target">The network.</param>
    /// <param name="seed">The run's seed.</param>
    public StartingPoint(TargetNetwork target, ulong seed)
    {
        using var scope = NewDisposeScope();
        using (var direct = DirectModel.For(target, seed))
            Theta = direct.FlatWeights().DetachFromDisposeScope();
        Scale = cat([.. target.Parameters.Select(parameter => full(parameter.Count, (float)(1 / Math.Sqrt(parameter.FanIn))))])
            .DetachFromDisposeScope();
        Centers = cat([.. target.Parameters.Select(parameter => full(parameter.Count, (float)parameter.Center))]).DetachFromDisposeScope();
    }

    /// <summary>theta_0, shape (P).</summary>
    public Tensor Theta { get; }

    /// <summary>1 / sqrt(fan-in) of every weight, shape (P).</summary>
    public Tensor Scale { get; }

    /// <summary>1 for the scales of normalisations, which would silence the network around 0, and 0 for all other weights: shape (P).</summary>
    public Tensor Centers { get; }

    /// <summary>centers + scale * generated, shape (P): for methods that have no theta_0.</summary>
    /// <param name="generated">What a rival generates, shape (P), of the order of 1.</param>
    public Tensor AroundCenters(Tensor generated) => Centers + (Scale * generated);

    /// <summary>theta_0 + scale * generated, shape (P).</summary>
    /// <param name="generated">What a rival generates, shape (P), of the order of 1.</param>
    public Tensor Plus(Tensor generated) => Theta + (Scale * generated);

    /// <inheritdoc/>
    public void Dispose()
    {
        Theta.Dispose();
        Scale.Dispose();
        Centers.Dispose();
    }
}
