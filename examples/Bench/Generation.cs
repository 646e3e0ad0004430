using System.Diagnostics;
using MappingNets.Core;
using TorchSharp;

namespace MappingNets.Examples.Bench;

/// <summary>One measurement of the generation passes.</summary>
/// <param name="Kind">The fixed weights.</param>
/// <param name="Weights">P.</param>
/// <param name="Latents">d.</param>
/// <param name="Forward">Bytes of theta written per second over what a plain copy of P floats writes.</param>
/// <param name="Transpose">Bytes of theta's gradient read per second over the same.</param>
/// <param name="CopyGigabytesPerSecond">What the copy writes.</param>
public sealed record GenerationPoint(
    string Kind, long Weights, int Latents, Ratio Forward, Ratio Transpose, double CopyGigabytesPerSecond);

/// <summary>How fast theta is generated and its gradient taken back, beside a plain copy of the same size.</summary>
public static class Generation
{
    /// <summary>Measures one size.</summary>
    public static GenerationPoint Measure(string kind, long weights, int latents, int pairs)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var layout = ParameterLayoutModule.create([Tuple.Create("w.weight", new[] { weights }, 1024L)]);
        var plain = MappingModule.singleLatent(latents);
        var fixedWeights = kind == "hadamard" ? Core.FixedWeightsKind.Hadamard : Core.FixedWeightsKind.SignedPermutation;
        using var mapping = MappingModule.create(layout, new MappingSpecification(
            plain.Split, fixedWeights, 1, plain.Modulations, plain.Activation, plain.Bias, plain.Scale, false, plain.Start));
        var fused = mapping.Fused!;
        var latent = torch.ones(latents);
        var theta = torch.zeros(weights);
        var gradient = torch.full(weights, 0.5f, dtype: torch.float32);
        // Small sizes are repeated, so that a measurement lasts some milliseconds.
        var repeats = (int)Math.Max(1, 4_000_000 / weights);
        var goal = weights >= 10_000_000 ? 0.5 : (double?)null;
        double Copy() => Speed(repeats, weights, () => theta.copy_(gradient));
        var forward = Ratio.Measure(
            FormattableString.Invariant($"{kind} P={weights:N0} d={latents}: generate / copy"), "GB/s", pairs,
            () => Speed(repeats, weights, () => fused.GenerateInto(latent, theta)), Copy, atLeast: goal);
        var transpose = Ratio.Measure(
            FormattableString.Invariant($"{kind} P={weights:N0} d={latents}: transpose / copy"), "GB/s", pairs,
            () => Speed(repeats, weights, () => fused.PullbackOf(latent, [gradient]).Dispose()), Copy, atLeast: goal);
        return new(kind, weights, latents, forward, transpose, forward.B);
    }

    private static double Speed(int repeats, long weights, Action action)
    {
        var clock = Stopwatch.StartNew();
        for (var repeat = 0; repeat < repeats; repeat++)
            action();
        return 4.0 * weights * repeats / clock.Elapsed.TotalSeconds / 1e9;
    }
}
