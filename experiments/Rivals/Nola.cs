using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// NOLA: low-rank factors that are linear combinations of random ones, each with coefficients of its own,
/// <code>
/// W = W_0 + s U V / sqrt(r),    U = sum over i of a_i A_i,    V = sum over i of b_i B_i,
/// </code>
/// A_i and B_i random matrices that a seed gives back, and only the coefficients trained. Every factor has the same number of coefficients k,
/// the largest that fits the budget, but none has more than it has entries; biases and the scales of normalisations, which have no factors, are
/// combinations of random vectors in the same way, W_0 + s w.
/// <para>
/// After Koohpayegani, Navaneet, Nooralinejad, Kolouri and Pirsiavash, "NOLA: Compressing LoRA using Linear Combination of Random Basis"
/// (ICLR 2024). U starts at 0 and V at random, so that training starts from W_0, as there. The combinations of a tensor keep the mean square
/// of its coefficients.
/// </para>
/// </summary>
internal static class Nola
{
    /// <summary>The method's name.</summary>
    public const string Method = "nola";

    private const int Rank = 8;

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">How many coefficients may be trained.</param>
    /// <param name="seed">The seed of W_0, the random matrices and the start of V.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is not one coefficient for each factor.</exception>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var factored = new FactoredWeights(target, Rank, seed);
        var counts = Shared([.. factored.Parts.Select(part => part.Count)], budget);
        var (bases, first) = (new List<Tensor>(), new List<long>());
        using var scope = NewDisposeScope();
        var starts = new List<Tensor>();
        foreach (var (part, number) in factored.Parts.Select((part, number) => (part, number)))
        {
            // Entries uniform within sqrt(3 / k): k coefficients of mean square 1 give numbers of mean square 1.
            bases.Add(SeededTensors.Uniform(
                SeededTensors.Key(seed, FormattableString.Invariant($"nola-bases-{number}")), Math.Sqrt(3.0 / counts[number]), part.Count, counts[number]));
            using var start = SeededTensors.Uniform(SeededTensors.Key(seed, FormattableString.Invariant($"nola-start-{number}")), Math.Sqrt(3), counts[number]);
            starts.Add(part.IsRight ? start.clone() : zeros_like(start));
            first.Add(number == 0 ? 0 : first[^1] + counts[number - 1]);
        }

        return GeneratedModel.For(
            target,
            Method,
            [new("coefficients", cat([.. starts]))],
            trained => factored.Theta(cat([.. bases.Select((basis, number) => basis.mv(trained[0].narrow(0, first[number], counts[number])))])),
            [factored, .. bases],
            learningRate: 0.06,
            fixedWeights: FormattableString.Invariant($"random bases, rank {Rank}"));
    }

    /// <summary>How many coefficients each factor has.</summary>
    private static long[] Shared(long[] sizes, int budget)
    {
        var each = Enumerable.Range(1, budget).TakeWhile(count => sizes.Sum(size => Math.Min(size, count)) <= budget).LastOrDefault();
        return each > 0
            ? [.. sizes.Select(size => Math.Min(size, each))]
            : throw new ArgumentOutOfRangeException(nameof(budget), budget, $"There are {sizes.Length} factors, each of which needs a coefficient.");
    }
}
