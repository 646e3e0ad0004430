using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Random subspace, the dense form: theta = theta_0 + s * (R z), with z the d trained parameters, R a fixed random P x d matrix and s the
/// scale 1 / sqrt(fan-in) of each weight. z starts at 0.
/// <para>
/// After Li, Farkhoor, Liu and Yosinski, "Measuring the Intrinsic Dimension of Objective Landscapes" (ICLR 2018). There the columns of R
/// have length 1; here the rows have, on average. The two differ by one factor, which the learning rate takes up. The scale s is
/// ours: all methods of this comparison have it.
/// </para>
/// <para>
/// R is stored: 4 P d bytes, 890 MB for CNN2 with 2,048 numbers, made in blocks straight into one tensor and read twice a step. That is
/// the price of this rival; <see cref="FastfoodSubspace"/> is the way without it.
/// </para>
/// </summary>
internal static class RandomSubspace
{
    /// <summary>The method's name.</summary>
    public const string Method = "subspace-dense";

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">d, how many numbers are trained.</param>
    /// <param name="seed">The seed of R and theta_0.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var start = new StartingPoint(target, seed);
        // A uniform number within a has the variance a^2 / 3, so a row of d of them has the mean squared length 1.
        var directions = SeededTensors.Uniform(
            SeededTensors.Key(seed, Method), Math.Sqrt(3.0 / budget), target.ParameterCount, budget);
        using var z = zeros(budget);
        return GeneratedModel.For(
            target,
            Method,
            [new("z", z)],
            trained => start.Plus(directions.mv(trained[0])),
            [start, directions],
            learningRate: 0.05,
            fixedWeights: "dense-uniform");
    }
}
