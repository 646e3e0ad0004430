using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// PRANC: a network is a linear combination of random networks that a seed gives back,
/// <code>
/// theta = sum over j of alpha_j * theta_j,    j = 1 ... d,
/// </code>
/// each theta_j uniform within 1 / sqrt(fan-in) as a network starts, and only the coefficients alpha trained. There is no theta_0. The
/// coefficients start as signs over sqrt(d), so that their sum starts as widely spread as a single random network.
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
            trained => networks.mv(trained[0]) * start.Scale,
            [start, networks],
            learningRate: 0.002,
            fixedWeights: "random-networks");
    }
}
