using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.FineTuning;

/// <summary>
/// What rivals of fine-tuning share: the pretrained theta, the matrices that they change (every tensor of two dimensions or more but
/// the head, seen as outputs by everything else), and a head that is trained directly.
/// </summary>
internal sealed class PretrainedStart : IDisposable
{
    private readonly TargetNetwork target;
    private readonly Tensor theta;
    private readonly long headFrom;
    private readonly long headCount;

    /// <summary>Takes copies.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">Its weights.</param>
    /// <param name="head">The layer that is the head, the network's last.</param>
    public PretrainedStart(TargetNetwork target, PretrainedWeights pretrained, string head)
    {
        this.target = target;
        using var scope = NewDisposeScope();
        using (var whole = MappingNets.FineTuning.Of(target, pretrained).WholeWeights().Build())
            theta = whole.FlatWeights().DetachFromDisposeScope();
        var entries = target.Layout.Entries.Where(entry => entry.Name.StartsWith(head + ".", StringComparison.Ordinal)).ToArray();
        (headFrom, headCount) = (entries[0].Offset, entries.Sum(entry => entry.Count));
        if (headFrom + headCount != target.ParameterCount)
            throw new ArgumentException($"'{head}' is not the last layer of '{target.Name}'.", nameof(head));
        Matrices = [.. target.Parameters.Where(parameter => parameter.Shape.Count > 1 && !parameter.Name.StartsWith(head + ".", StringComparison.Ordinal))];
    }

    /// <summary>The matrices in the order of theta.</summary>
    public IReadOnlyList<ParameterSpecification> Matrices { get; }

    /// <summary>The head's pretrained or first weights, in the caller's dispose scope.</summary>
    public Tensor Head() => theta.narrow(0, headFrom, headCount).clone();

    /// <summary>theta_pretrained with changed matrices and another head, shape (P).</summary>
    /// <param name="changes">What is added to each of the matrices, in any shape.</param>
    /// <param name="head">The head's weights.</param>
    public Tensor With(IReadOnlyList<Tensor> changes, Tensor head)
    {
        var parts = new List<Tensor>();
        var (from, change) = (0L, 0);
        foreach (var parameter in target.Parameters)
        {
            if (from == headFrom)
                break;
            var own = theta.narrow(0, from, parameter.Count);
            parts.Add(change < Matrices.Count && ReferenceEquals(parameter, Matrices[change]) ? own + changes[change++].reshape(-1) : own);
            from += parameter.Count;
        }

        return cat([.. parts, head]);
    }

    /// <summary>How many outputs a matrix has.</summary>
    public static long Outputs(ParameterSpecification matrix) => matrix.Shape[0];

    /// <summary>How many inputs each output of a matrix has.</summary>
    public static long Inputs(ParameterSpecification matrix) => matrix.Count / matrix.Shape[0];

    /// <inheritdoc/>
    public void Dispose() => theta.Dispose();
}
