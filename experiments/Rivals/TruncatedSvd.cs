using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Truncated singular value decomposition after training: the network is trained directly, then each weight tensor, seen as a matrix
/// (outputs, everything else), keeps its r largest singular values,
/// <code>
/// W = U diag(sigma) V^T  to  (U_r sqrt(sigma_r)) (sqrt(sigma_r) V_r^T),    r (m + n) numbers,
/// </code>
/// and nothing is trained afterwards. Every bias is kept. Each tensor has rank 1; the rest of the budget goes rank by rank to where the
/// next singular value holds the most energy for its numbers, sigma^2 / (m + n).
/// <para>
/// After Denton, Zaremba, Bruna, LeCun and Fergus, "Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation"
/// (NeurIPS 2014); by Eckart and Young no matrix of the same rank is closer to W. In CNN2 a second rank of the 800-128 layer takes 928
/// numbers, more than 2,048 leave: all that this layer hands on is then one number.
/// </para>
/// </summary>
internal static class TruncatedSvd
{
    /// <summary>The method's name.</summary>
    public const string Method = "svd";

    /// <summary>The learning rate of fine-tuning what is kept.</summary>
    public const double Rate = 0.02;

    /// <summary>The cut network. Its "trained" numbers are the factors and biases that are kept: training it on would be fine-tuning.</summary>
    /// <param name="trained">The directly trained model; it is not changed.</param>
    /// <param name="budget">How many numbers may be kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not even rank 1 fits.</exception>
    public static GeneratedModel Of(Model trained, int budget)
    {
        var target = trained.Target;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var weights = SplitByTensor(target, trained.FlatWeights());
        var cuts = target.Parameters.Zip(weights)
            .Where(pair => pair.First.Shape.Count > 1).Select(pair => Decomposition.Of(pair.First, pair.Second)).ToArray();
        Spend(cuts, budget - target.Parameters.Where(parameter => parameter.Shape.Count == 1).Sum(parameter => parameter.Count), budget);

        var kept = new List<KeyValuePair<string, Tensor>>();
        foreach (var (parameter, weight) in target.Parameters.Zip(weights))
        {
            if (cuts.SingleOrDefault(cut => cut.Name == parameter.Name) is not { } cut)
            {
                kept.Add(new(parameter.Name, weight));
                continue;
            }

            var root = cut.Values.narrow(0, 0, cut.Rank).sqrt();
            kept.Add(new($"{cut.Name}.left", cut.Left.narrow(1, 0, cut.Rank) * root));
            kept.Add(new($"{cut.Name}.right", cut.Right.narrow(0, 0, cut.Rank) * root.unsqueeze(1)));
        }

        return GeneratedModel.For(target, Method, kept, numbers => Joined(target, numbers), fixedWeights: "none", learningRate: Rate);
    }

    private static Tensor Joined(TargetNetwork target, IReadOnlyList<Tensor> numbers)
    {
        var parts = new List<Tensor>();
        var at = 0;
        foreach (var parameter in target.Parameters)
            parts.Add(parameter.Shape.Count == 1 ? numbers[at++] : numbers[at++].matmul(numbers[at++]).view(-1));
        return cat(parts);
    }

    private static void Spend(Decomposition[] cuts, long left, int budget)
    {
        left -= cuts.Sum(cut => cut.NumbersOfARank);
        if (left < 0)
            throw new ArgumentOutOfRangeException(nameof(budget), budget, $"Rank 1 everywhere takes {budget - left} numbers.");
        while (cuts.Where(cut => cut.CanGrow && cut.NumbersOfARank <= left).MaxBy(cut => cut.NextGain) is { } chosen)
        {
            chosen.Rank++;
            left -= chosen.NumbersOfARank;
        }
    }

    private static Tensor[] SplitByTensor(TargetNetwork target, Tensor theta) =>
        theta.split([.. target.Parameters.Select(parameter => parameter.Count)]);

    private sealed class Decomposition(string name, Tensor left, Tensor values, Tensor right)
    {
        private readonly float[] singular = values.data<float>().ToArray();

        public string Name { get; } = name;

        public Tensor Left { get; } = left;

        public Tensor Values { get; } = values;

        public Tensor Right { get; } = right;

        public int Rank { get; set; } = 1;

        public long NumbersOfARank => Left.shape[0] + Right.shape[1];

        // Beyond this the factors would have more numbers than the matrix.
        public bool CanGrow => Rank < singular.Length && (Rank + 1) * NumbersOfARank <= Left.shape[0] * Right.shape[1];

        public double NextGain => (double)singular[Rank] * singular[Rank] / NumbersOfARank;

        public static Decomposition Of(ParameterSpecification parameter, Tensor weight)
        {
            var (left, values, right) = linalg.svd(weight.view(parameter.Shape[0], -1), fullMatrices: false);
            return new(parameter.Name, left, values, right);
        }
    }
}
