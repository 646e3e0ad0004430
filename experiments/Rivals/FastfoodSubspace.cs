using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Random subspace with a matrix that is never stored: theta = theta_0 + s * (R z), R a <see cref="FastfoodMatrix"/>, as Li et al. (ICLR 2018)
/// use it for subspaces.
/// </summary>
internal static class FastfoodSubspace
{
    /// <summary>The method's name.</summary>
    public const string Method = "subspace-fastfood";

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">d, how many numbers are trained.</param>
    /// <param name="seed">The seed of R and theta_0.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var start = new StartingPoint(target, seed);
        var directions = new FastfoodMatrix(target.ParameterCount, budget, seed);
        using var latent = zeros(budget);
        return GeneratedModel.For(
            target,
            Method,
            [new("z", latent)],
            trained => start.Plus(directions.Times(trained[0])),
            [start, directions],
            learningRate: 0.05,
            fixedWeights: "fastfood");
    }
}
