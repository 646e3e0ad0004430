using System.Diagnostics;
using MappingNets.Core;
using TorchSharp;

namespace MappingNets.Experiments.Bench;

/// <summary>One measurement of the generation passes.</summary>
/// <param name="Kind">The fixed weights.</param>
/// <param name="Weights">P.</param>
/// <param name="Latents">d.</param>
/// <param name="Forward">Bytes of theta written per second over what a plain copy of P floats writes.</param>
/// <param name="Transpose">Bytes of theta's gradient read per second over the same.</param>
/// <param name="CopyGigabytesPerSecond">What the copy writes.</param>
public sealed record GenerationPoint(
    string Kind, long Weights, int Latents, Ratio Forward, Ratio Transpose, double CopyGigabytesPerSecond);

/// <summary>The time of the generation passes at one d over that at d = 2,048, round by round and sorted.</summary>
/// <param name="Kind">The fixed weights.</param>
/// <param name="Weights">P.</param>
/// <param name="Latents">d.</param>
/// <param name="Forward">Generating theta.</param>
/// <param name="Transpose">Taking its gradient back.</param>
public sealed record LatentsPoint(
    string Kind, long Weights, int Latents, IReadOnlyList<double> Forward, IReadOnlyList<double> Transpose);

/// <summary>How fast theta is generated and its gradient taken back, beside a plain copy of the same size.</summary>
public static class Generation
{
    /// <summary>
    /// How the time of generating P weights depends on d: all d in turn, round by round, each against d = 2,048 of the same
    /// round, so that what the machine does meanwhile touches them alike.
    /// </summary>
    /// <param name="kind">The fixed weights.</param>
    /// <param name="weights">P.</param>
    /// <param name="latents">The values of d; 2,048 among them.</param>
    /// <param name="rounds">How many rounds count; one more goes first and is thrown away.</param>
    public static IReadOnlyList<LatentsPoint> AgainstLatents(string kind, long weights, IReadOnlyList<int> latents, int rounds)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var theta = torch.zeros(weights);
        var gradient = torch.full(weights, 0.5f, dtype: torch.float32);
        var mappings = latents.Select(count => MappingOf(kind, weights, count)).ToArray();
        var starts = latents.Select(count => torch.ones(count)).ToArray();
        var reference = latents.ToList().IndexOf(2048);
        var forward = latents.Select(_ => new List<double>()).ToArray();
        var transpose = latents.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round <= rounds; round++)
            for (var index = 0; index < latents.Count; index++)
            {
                var fused = mappings[index].Fused!;
                forward[index].Add(1 / Speed(2, weights, () => fused.GenerateInto(starts[index], theta)));
                transpose[index].Add(1 / Speed(2, weights, () => fused.PullbackOf(starts[index], [gradient]).Dispose()));
            }

        foreach (var mapping in mappings)
            ((IDisposable)mapping).Dispose();
        return [.. latents.Select((count, index) => new LatentsPoint(
            kind, weights, count, Relative(forward[index], forward[reference]), Relative(transpose[index], transpose[reference])))];
    }

    private static double[] Relative(List<double> times, List<double> reference) =>
        [.. times.Zip(reference, (time, other) => time / other).Skip(1).Order()];

    private static Mapping MappingOf(string kind, long weights, int latents)
    {
        var layout = ParameterLayoutModule.create([Tuple.Create("w.weight", new[] { weights }, 1024L)]);
        var fixedWeights = kind == "hadamard" ? FixedWeightsKind.Hadamard : FixedWeightsKind.SignedPermutation;
        return MappingDescription.For(layout).SingleLatent(latents).WithFixedWeights(fixedWeights).WithSeed(1).Build();
    }

    /// <summary>Measures one size.</summary>
    public static GenerationPoint Measure(string kind, long weights, int latents, int pairs)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        using var mapping = MappingOf(kind, weights, latents);
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
