using MappingNets.Experiments.Rivals;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.Controls;

/// <summary>
/// The paper's control "LV + FullDNN": latent and mapping are trained together,
/// <code>
/// theta = s * (W z + b),    W: P x d and z in R^d trained, b fixed,
/// </code>
/// P d + d numbers: 543,095 for d = 5 and 1,629,285 for d = 15 with CNN2's P = 108,618. s is 1 / sqrt(fan-in), b uniform within 1, W
/// uniform within 1 / sqrt(d), z a vector of signs: at 0 W would have no gradient.
/// </summary>
internal static class TrainedMapping
{
    /// <summary>The method's name.</summary>
    public const string Method = "latent-and-mapping";

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="latents">d.</param>
    /// <param name="seed">The seed of b and of the start.</param>
    public static GeneratedModel Build(TargetNetwork target, int latents, ulong seed)
    {
        // theta_0 is s * b.
        var point = new StartingPoint(target, seed);
        using var weights = SeededTensors.Uniform(
            SeededTensors.Key(seed, "trained-mapping-weights"), 1 / Math.Sqrt(latents), target.ParameterCount, latents);
        using var z = SeededTensors.Signs(SeededTensors.Key(seed, "trained-mapping-latent"), latents);
        return GeneratedModel.For(
            target,
            Method,
            [new("mapping", weights), new("latent", z)],
            trained => point.Plus(trained[0].mv(trained[1])),
            [point],
            learningRate: 0.01);
    }
}
