using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Low rank first: each weight tensor, seen as a matrix of (outputs, everything else), is W = W_0 + s U V / sqrt(r) with U: m x r and
/// V: r x n; a tensor that would not become smaller, and every bias, is W_0 + s w with a number w for each weight. All the factors, end to end,
/// are one vector of D numbers, which a method generates instead of theta.
/// </summary>
/// <param name="target">The network.</param>
/// <param name="rank">r, at least 1.</param>
/// <param name="seed">The seed of W_0.</param>
internal sealed class FactoredWeights(TargetNetwork target, int rank, ulong seed) : IDisposable
{
    private readonly StartingPoint start = new(target, seed);

    /// <summary>D, how many numbers the factors are.</summary>
    public long Count { get; } = target.Parameters.Sum(parameter => NumbersOf(parameter, rank));

    /// <summary>
    /// What the vector consists of, in its order: of each factored tensor U and V, of any other its numbers; how many each has, and whether it is a V.
    /// </summary>
    public IEnumerable<(long Count, bool IsRight)> Parts => target.Parameters.SelectMany(parameter => IsFactored(parameter, rank)
        ? new[] { (Rows(parameter) * rank, false), (rank * Columns(parameter), true) }
        : [(parameter.Count, false)]);

    /// <summary>
    /// The vector that has given numbers in every V and 0 elsewhere: theta_0, from where U has a gradient. Outside every dispose scope.
    /// </summary>
    /// <param name="numbers">Numbers for the whole vector, shape (D).</param>
    public Tensor StartOfRightFactors(Tensor numbers)
    {
        using var scope = NewDisposeScope();
        var isRight = cat([.. Parts.Select(part => part.IsRight ? ones(part.Count) : zeros(part.Count))]);
        return (numbers * isRight).DetachFromDisposeScope();
    }

    /// <summary>theta, shape (P).</summary>
    /// <param name="factors">The factors, shape (D).</param>
    public Tensor Theta(Tensor factors)
    {
        var parts = new List<Tensor>();
        long at = 0;
        Tensor Next(long count)
        {
            at += count;
            return factors.narrow(0, at - count, count);
        }

        foreach (var parameter in target.Parameters)
        {
            if (!IsFactored(parameter, rank))
            {
                parts.Add(Next(parameter.Count));
                continue;
            }

            var left = Next(Rows(parameter) * rank).view(-1, rank);
            var right = Next(rank * Columns(parameter)).view(rank, -1);
            parts.Add(left.matmul(right).view(-1) / Math.Sqrt(rank));
        }

        return start.Plus(cat(parts));
    }

    /// <inheritdoc/>
    public void Dispose() => start.Dispose();

    private static long Rows(ParameterSpecification parameter) => parameter.Shape[0];

    private static long Columns(ParameterSpecification parameter) => parameter.Count / parameter.Shape[0];

    private static bool IsFactored(ParameterSpecification parameter, int rank) =>
        parameter.Shape.Count > 1 && rank * (Rows(parameter) + Columns(parameter)) < parameter.Count;

    private static long NumbersOf(ParameterSpecification parameter, int rank) =>
        IsFactored(parameter, rank) ? rank * (Rows(parameter) + Columns(parameter)) : parameter.Count;
}
