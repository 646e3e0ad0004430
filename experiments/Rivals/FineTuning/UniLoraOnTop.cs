using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.FineTuning;

/// <summary>
/// One vector behind all low-rank factors: every number of every B (m, r) and A (r, n) is one entry of the trained z, chosen at
/// random, and W = W_0 + B A - B_0 A_0, with B_0 A_0 the product at the start of z, so that training starts at the pretrained network;
/// the head is trained directly.
/// <para>
/// After Kaiyang Li and others, "Uni-LoRA: One Vector is All You Need" (2025). There every entry is divided by the root of the number of
/// its sharers; here B's are multiplied by 0.3 and A's by 1 / sqrt(n), the sizes that LoRA starts and ends with, and z starts
/// uniform within 1.
/// </para>
/// </summary>
internal static class UniLoraOnTop
{
    /// <summary>The method's name.</summary>
    public const string Method = "uni-lora";

    private const double LeftScale = 0.3;

    /// <summary>Builds the model, which starts as the pretrained network.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">Its weights.</param>
    /// <param name="head">Its last layer.</param>
    /// <param name="rank">r, at least 1.</param>
    /// <param name="budget">The length of z; the head's weights come beside it.</param>
    /// <param name="seed">The seed of the sharing and of z's start.</param>
    public static GeneratedModel Build(TargetNetwork target, PretrainedWeights pretrained, string head, int rank, int budget, ulong seed)
    {
        var start = new PretrainedStart(target, pretrained, head);
        var factors = start.Matrices.Sum(matrix => rank * (PretrainedStart.Outputs(matrix) + PretrainedStart.Inputs(matrix)));
        var shared = SeededTensors.Indices(SeededTensors.Key(seed, "uni-lora-sharing"), budget, factors);
        var first = SeededTensors.Uniform(SeededTensors.Key(seed, "uni-lora-start"), 1, budget);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor[] products = [.. Products(first).Select(product => product.DetachFromDisposeScope())];
        return GeneratedModel.For(
            target,
            Method,
            [new("z", first), new("head", start.Head())],
            trained => start.With([.. Products(trained[0]).Zip(products, (now, then) => now - then)], trained[1]),
            [start, shared, first, .. products],
            fixedWeights: FormattableString.Invariant($"sharing, rank {rank}"));

        IEnumerable<Tensor> Products(Tensor z)
        {
            var entries = z.index_select(0, shared);
            var from = 0L;
            foreach (var matrix in start.Matrices)
            {
                var (left, right) = (rank * PretrainedStart.Outputs(matrix), rank * PretrainedStart.Inputs(matrix));
                yield return entries.narrow(0, from, left).view(-1, rank).mm(entries.narrow(0, from + left, right).view(rank, -1))
                    * (LeftScale / Math.Sqrt(PretrainedStart.Inputs(matrix)));
                from += left + right;
            }
        }
    }
}
