using MappingNets.Experiments.Rivals;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.Controls;

/// <summary>
/// The paper's control "Full DNN": the mapping is an ordinary trained network and the latent stands still,
/// <code>
/// theta = s * (W_2 tanh(W_1 z + b_1) + b_2),    z in R^307 fixed,    W_1: 61 x 307,    W_2: P x 61,
/// </code>
/// trained are W_1, b_1, W_2, b_2: 307 * 61 + 61 + 61 P + P numbers, 6,753,104 for CNN2's P = 108,618. s is 1 / sqrt(fan-in). W_1, b_1
/// and W_2 start uniform within 1 / sqrt(of their inputs) and b_2 uniform within 1, so that theta starts about as a network does.
/// <para>It shows what the fixed weights are there to save: 62 trained parameters for every weight of the target.</para>
/// </summary>
internal static class FullDnn
{
    /// <summary>The method's name.</summary>
    public const string Method = "mapping-weights";

    private const int Latents = 307;
    private const int Hidden = 61;

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="seed">The seed of z and of the start.</param>
    public static GeneratedModel Build(TargetNetwork target, ulong seed)
    {
        var point = new StartingPoint(target, seed);
        var z = SeededTensors.Uniform(SeededTensors.Key(seed, "full-dnn-latent"), 1, Latents);
        using var scope = NewDisposeScope();
        Tensor Start(string name, double amplitude, params long[] shape)
        {
            var start = SeededTensors.Uniform(SeededTensors.Key(seed, $"full-dnn-{name}"), amplitude, shape);
            scope.Attach(start);
            return start;
        }

        return GeneratedModel.For(
            target,
            Method,
            [
                new("hidden.weight", Start("hidden.weight", 1 / Math.Sqrt(Latents), Hidden, Latents)),
                new("hidden.bias", Start("hidden.bias", 1 / Math.Sqrt(Latents), Hidden)),
                new("output.weight", Start("output.weight", 1 / Math.Sqrt(Hidden), target.ParameterCount, Hidden)),
                new("output.bias", Start("output.bias", 1, target.ParameterCount)),
            ],
            trained => (trained[2].mv((trained[0].mv(z) + trained[1]).tanh()) + trained[3]) * point.Scale,
            [point, z],
            learningRate: 1e-3);
    }
}
