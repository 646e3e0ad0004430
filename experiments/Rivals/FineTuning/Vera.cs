using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.FineTuning;

/// <summary>
/// Vectors on shared random factors: W = W_0 + diag(b) B diag(d) A for every matrix, with A (r, n) and B (m, r) slices of one random
/// pair for all matrices, b = 0 and d = 0.1 at the start, and a head that is trained directly.
/// <para>
/// After Kopiczko, Blankevoort and Asano, "VeRA: Vector-based Random Matrix Adaptation" (ICLR 2024). A and B are uniform with the
/// variance 1 / n and 1 / r of the largest matrix (Kaiming).
/// </para>
/// <para>
/// With these sizes an entry of B diag(d) A has the deviation 0.1 / sqrt(n), 0.0015 for a ResNet-18 (n = 4,608), about a tenth of its weights': b has to come
/// near 1 to matter. Adam moves a parameter by about its rate a step, so at the rates that suit a head, 4e-4 over 320 steps, b ends within 0.06. The paper
/// gives the vectors a rate of their own, about ten times the head's; here, with one rate for all, a factor in front of b, which is one of B, does the same.
/// </para>
/// </summary>
internal static class Vera
{
    /// <summary>The method's name.</summary>
    public const string Method = "vera";

    /// <summary>Builds the model, which starts as the pretrained network.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">Its weights.</param>
    /// <param name="head">Its last layer.</param>
    /// <param name="rank">r, at least 1.</param>
    /// <param name="seed">The seed of A and B.</param>
    /// <param name="pace">What b is multiplied by: how many times its rate is the head's.</param>
    public static GeneratedModel Build(TargetNetwork target, PretrainedWeights pretrained, string head, int rank, ulong seed, int pace = 1)
    {
        var start = new PretrainedStart(target, pretrained, head);
        var (rows, columns) = (start.Matrices.Max(PretrainedStart.Outputs), start.Matrices.Max(PretrainedStart.Inputs));
        var right = SeededTensors.Uniform(SeededTensors.Key(seed, "vera-right"), Math.Sqrt(3.0 / columns), rank, columns);
        var left = SeededTensors.Uniform(SeededTensors.Key(seed, "vera-left"), pace * Math.Sqrt(3.0 / rank), rows, rank);
        using var scope = NewDisposeScope();
        return GeneratedModel.For(
            target,
            Method,
            [
                new("b", zeros(start.Matrices.Sum(PretrainedStart.Outputs))),
                new("d", full([start.Matrices.Count, rank], 0.1f)),
                new("head", start.Head()),
            ],
            trained =>
            {
                var changes = new List<Tensor>();
                var from = 0L;
                foreach (var (index, matrix) in start.Matrices.Index())
                {
                    var (outputs, inputs) = (PretrainedStart.Outputs(matrix), PretrainedStart.Inputs(matrix));
                    changes.Add((trained[0].narrow(0, from, outputs).unsqueeze(1) * left.narrow(0, 0, outputs))
                        .mm(trained[1][index].unsqueeze(1) * right.narrow(1, 0, inputs)));
                    from += outputs;
                }

                return start.With(changes, trained[2]);
            },
            [start, left, right],
            fixedWeights: FormattableString.Invariant($"shared factors, rank {rank}{(pace == 1 ? "" : $", b times {pace}")}"));
    }
}
