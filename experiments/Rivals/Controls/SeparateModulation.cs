using MappingNets.Core;
using MappingNets.Experiments.Rivals;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.Controls;

/// <summary>
/// The paper's control "LV + WMAP": the modulation is not made of the latent but is a trained vector m of its own. Every weight of
/// column i of the fixed weights is shifted by alpha m_i, so row j of the pre-activation is
/// <code>
/// theta_j = s_j * (sum over i of (w_ji + alpha m_i) z_i + b_j) = s_j * ((W z)_j + alpha (z . m) + b_j),
/// </code>
/// with z and m of d numbers each: 2 d trained, 2,048 = 1,024 + 1,024 or 4,096 = 2,048 + 2,048. W is the library's signed permutation. z
/// starts at 0 and m as signs: were both 0, m would have no gradient, and neither would it ever get one.
/// </summary>
internal static class SeparateModulation
{
    /// <summary>The method's name.</summary>
    public const string Method = "separate-modulation";

    /// <summary>
    /// alpha. All weights share the term alpha (z . m), and a step moves every z_i along m_i: at the re-run's 0.01 the first steps
    /// throw all weights far out, and the network stays at chance.
    /// </summary>
    internal const double Strength = 1e-4;

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="latents">d: z and m have as many numbers each.</param>
    /// <param name="seed">The seed of W, b and the start.</param>
    public static GeneratedModel Build(TargetNetwork target, int latents, ulong seed)
    {
        // theta_0 is s * b.
        var point = new StartingPoint(target, seed);
        var weights = FixedWeightsModule.create(
            FixedWeightsKind.SignedPermutation, SeededTensors.Key(seed, "separate-modulation-weights"), target.ParameterCount, latents);
        using var z = zeros(latents);
        using var m = SeededTensors.Signs(SeededTensors.Key(seed, "separate-modulation-vector"), latents);
        return GeneratedModel.For(
            target,
            Method,
            [new("latent", z), new("modulation", m)],
            trained => point.Plus(weights.Apply(trained[0]) + (Strength * trained[0].dot(trained[1]))),
            [point, weights],
            learningRate: 0.05,
            fixedWeights: "signed-permutation");
    }
}
