using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Manifold-constrained weights: what is generated is cut into chunks, and each chunk is a point of one fixed, curved surface times an
/// amplitude,
/// <code>
/// chunk_i = beta_i * phi(a_i),    phi(a) = A_3 sin(A_2 sin(w A_1 a)),
/// </code>
/// phi a frozen random network with sines, the same for all chunks. Trained are the k = 9 inputs a_i, which start at 0, and the amplitude
/// beta_i, which starts at 1, of each chunk: 10 numbers a chunk, so as many chunks as fit the budget. theta = theta_0 + s * chunks; or, low
/// rank first, the chunks are the factors of <see cref="FactoredWeights"/>, V around a random start and U around 0.
/// <para>
/// After Thrash and others, "MCNC: Manifold-Constrained Reparameterization for Neural Compression" (ICLR 2025). The hidden width is 256
/// here, not 1,000: a seventh of the work, for a CPU.
/// </para>
/// </summary>
internal static class Mcnc
{
    /// <summary>The method's name without low rank.</summary>
    public const string Method = "mcnc";

    /// <summary>The method's name with low rank first.</summary>
    public const string LowRankMethod = "mcnc-low-rank";

    /// <summary>What a table's reader must know of both.</summary>
    public const string Note = "The frozen sine network is 256 wide, for a CPU, and not 1,000 as its authors' is.";

    private const int Inputs = 9;
    private const int Width = 256;
    private const int Rank = 8;

    /// <summary>w: how fast the first sines turn.</summary>
    private const double Frequency = 3;

    /// <summary>Builds the untrained model whose chunks are the weights.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">How many numbers may be trained; the next lower multiple of 10 is.</param>
    /// <param name="seed">The seed of phi and theta_0.</param>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var start = new StartingPoint(target, seed);
        return Build(target, Method, budget, seed, target.ParameterCount, start.Plus, start);
    }

    /// <summary>Builds the untrained model whose chunks are low-rank factors.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">How many numbers may be trained; the next lower multiple of 10 is.</param>
    /// <param name="seed">The seed of phi, W_0 and the start of V.</param>
    public static GeneratedModel BuildLowRank(TargetNetwork target, int budget, ulong seed)
    {
        var factored = new FactoredWeights(target, Rank, seed);
        using var random = SeededTensors.Uniform(SeededTensors.Key(seed, "mcnc-factors"), 1, factored.Count);
        var origin = factored.StartOfRightFactors(random);
        return Build(
            target, LowRankMethod, budget, seed, factored.Count, chunks => factored.Theta(origin + chunks), factored, origin);
    }

    private static GeneratedModel Build(
        TargetNetwork target,
        string method,
        int budget,
        ulong seed,
        long count,
        Func<Tensor, Tensor> theta,
        params IDisposable[] owned)
    {
        var chunks = budget / (Inputs + 1);
        var length = (count + chunks - 1) / chunks;
        // Uniform numbers within sqrt(3 / n) keep the mean square of what they are applied to; a sine halves it.
        Tensor Layer(string name, double gain, long from, long to) =>
            SeededTensors.Uniform(SeededTensors.Key(seed, $"mcnc-{name}"), gain * Math.Sqrt(3.0 / from), from, to);

        var first = Layer("first", Frequency, Inputs, Width);
        var second = Layer("second", Math.Sqrt(2), Width, Width);
        var third = Layer("third", Math.Sqrt(2), Width, length);
        using var inputs = zeros(chunks, Inputs);
        using var amplitudes = ones(chunks, 1);
        return GeneratedModel.For(
            target,
            method,
            [new("inputs", inputs), new("amplitudes", amplitudes)],
            trained =>
            {
                var surface = trained[0].matmul(first).sin().matmul(second).sin().matmul(third);
                return theta((surface * trained[1]).view(-1).narrow(0, 0, count));
            },
            [.. owned, first, second, third],
            learningRate: 0.03,
            fixedWeights: "frozen sine network");
    }
}
