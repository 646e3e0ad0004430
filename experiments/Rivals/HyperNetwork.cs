using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// A hypernetwork in chunks, everything in it trained: theta is cut into C chunks of S weights, chunk c has an embedding e_c of k
/// numbers, and one small network makes every chunk from its embedding,
/// <code>
/// theta[c] = s * (W_2 tanh(W_1 e_c + b_1) + b_2),    W_1: h x k, W_2: S x h.
/// </code>
/// It trains C k + h (k + 1) + S (h + 1) numbers, all of them counted. By C S >= P they are fewest at S = sqrt(k P / (h + 1)): for CNN2 with
/// k = 2, h = 3 they are 1,875, the largest form within 2,048 whose hidden layer is wider than its embedding.
/// <para>
/// After Ha, Dai and Le, "HyperNetworks" (ICLR 2017), whose static form generates the kernels of a convolutional network from layer
/// embeddings, and von Oswald, Henning, Sacramento and Grewe, "Continual learning with hypernetworks" (ICLR 2020), where the chunks come from.
/// </para>
/// </summary>
internal static class HyperNetwork
{
    /// <summary>The method's name.</summary>
    public const string Method = "hypernetwork";

    /// <summary>k, the numbers of an embedding.</summary>
    private const int Embedding = 2;

    /// <summary>h, the width of the hidden layer.</summary>
    private const int Hidden = 3;

    /// <summary>How many numbers are trained with chunks of a length.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="chunk">S.</param>
    public static long TrainedNumbers(TargetNetwork target, long chunk) =>
        (Chunks(target, chunk) * Embedding) + (Hidden * (Embedding + 1)) + (chunk * (Hidden + 1));

    /// <summary>Builds the untrained model.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="budget">How many numbers may be trained.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not even the smallest form fits the budget.</exception>
    public static GeneratedModel Build(TargetNetwork target, int budget, ulong seed)
    {
        var chunk = Enumerable.Range(1, budget).Select(length => (long)length).MinBy(length => TrainedNumbers(target, length));
        if (TrainedNumbers(target, chunk) > budget)
            throw new ArgumentOutOfRangeException(
                nameof(budget), budget, $"The smallest hypernetwork for '{target.Name}' trains {TrainedNumbers(target, chunk)} numbers.");
        var chunks = Chunks(target, chunk);
        var start = new StartingPoint(target, seed);
        using var scope = NewDisposeScope();
        Tensor Start(string name, double amplitude, params long[] shape)
        {
            var numbers = SeededTensors.Uniform(SeededTensors.Key(seed, $"hypernetwork-{name}"), amplitude, shape);
            scope.Attach(numbers);
            return numbers;
        }

        return GeneratedModel.For(
            target,
            Method,
            [
                new("embeddings", Start("embeddings", 2, chunks, Embedding)),
                new("hidden.weight", Start("hidden", 1, Embedding, Hidden)),
                new("hidden.bias", Start("hidden-bias", 1, Hidden)),
                new("output.weight", Start("output", 1, Hidden, chunk)),
                new("output.bias", zeros(chunk)),
            ],
            trained =>
            {
                var hidden = trained[0].matmul(trained[1]).add(trained[2]).tanh();
                return hidden.matmul(trained[3]).add(trained[4]).view(-1).narrow(0, 0, target.ParameterCount) * start.Scale;
            },
            [start],
            learningRate: 0.02);
    }

    private static long Chunks(TargetNetwork target, long chunk) => (target.ParameterCount + chunk - 1) / chunk;
}
