using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// PRANC: a network is a linear combination of random networks that a seed gives back,
/// <code>
/// theta = sum over j of alpha_j * theta_j,    j = 1 ... d,
/// </code>
/// each theta_j uniform within 1 / sqrt(fan-in) as a network starts, and only the coefficients alpha trained. There is no theta_0, but the
/// scales of normalisations, which start at 1 in every network, are 1 + the sum. The coefficients start as signs over sqrt(d), so that their
/// sum starts as widely spread as a single random network.
/// <para>
/// After Nooralinejad, Abbasi, Abbasi Koohpayegani, Pourahmadi Meibodi, Khan, Kolouri and Pirsiavash, "PRANC: Pseudo RAndom Networks
/// for Compacting deep models" (ICCV 2023). There the networks are made anew in parts at every step, to save memory; here all of them
/// are kept: 4 P d bytes, 890 MB for CNN2 with 2,048 of them, made in blocks straight into one tensor. The result is the same.
/// </para>
/// </summary>
internal static class Pranc
{
    /// <summary>The method's name.</summary>
    public const string Method = "pranc";

    /// <summary>The method's name where the random networks are the columns of a <see cref="FastfoodMatrix"/>.</summary>
    public const string StructuredMethod = "pranc-structured";

    /// <summary>
    /// Builds the untrained model of more random networks than memory holds: they are the columns of a <see cref="FastfoodMatrix"/>, which is
    /// not stored. 10,000 dense ones for a ResNet-20 take 10.9 GB.
    /// </summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">d, the number of random networks.</param>
    /// <param name="seed">The seed from which theirs follow.</param>
    public static GeneratedModel BuildStructured(TargetNetwork target, int budget, ulong seed)
    {
        var start = new StartingPoint(target, seed);
        var networks = new FastfoodMatrix(target.ParameterCount, budget, seed);
        using var signs = SeededTensors.Signs(SeededTensors.Key(seed, "pranc-start"), budget);
        // So that the sum has the mean square 1 / 3 of a uniform number within 1.
        using var alpha = signs / Math.Sqrt(3 * networks.MeanSquaredLength);
        return GeneratedModel.For(
            target,
            StructuredMethod,
            [new("alpha", alpha)],
            trained => start.AroundCenters(networks.Times(trained[0])),
            [start, networks],
            learningRate: 0.05,
            fixedWeights: "fastfood");
    }

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">d, the number of random networks.</param>
    /// <param name="seed">The seed from which theirs follow.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var start = new StartingPoint(target, seed);
        // Column j is theta_j without its scale, which is the same in all of them.
        var networks = SeededTensors.Uniform(SeededTensors.Key(seed, "pranc-networks"), 1, target.ParameterCount, budget);
        using var signs = SeededTensors.Signs(SeededTensors.Key(seed, "pranc-start"), budget);
        using var alpha = signs / Math.Sqrt(budget);
        return GeneratedModel.For(
            target,
            Method,
            [new("alpha", alpha)],
            trained => start.AroundCenters(networks.mv(trained[0])),
            [start, networks],
            learningRate: 0.002,
            fixedWeights: "random-networks");
    }
}
