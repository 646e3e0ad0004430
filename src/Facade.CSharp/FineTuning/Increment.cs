using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// How few numbers change given weights: a description and a pure function of the weights and the numbers, never the numbers
/// themselves.
/// </summary>
internal abstract class Increment : IDisposable
{
    /// <summary>
    /// Adam's rate for all of them where the options name none. A head that is trained itself shares it, so the ways differ in
    /// how far a number moves a weight instead.
    /// </summary>
    public const double LearningRate = 0.01;

    /// <summary>How tables call it.</summary>
    public abstract string Method { get; }

    /// <summary>How reports describe its fixed weights.</summary>
    public abstract string FixedWeightsName { get; }

    /// <summary>What is trained: names and shapes.</summary>
    public abstract IReadOnlyList<(string Name, long[] Shape)> Values { get; }

    /// <summary>Where training starts: numbers that change nothing, on the CPU, in the caller's dispose scope.</summary>
    public abstract IReadOnlyList<Tensor> Start();

    /// <summary>The target's weights, one tensor per entry, from theta_pretrained (P) and the trained numbers; differentiable in these.</summary>
    public abstract IReadOnlyList<Tensor> Weights(Tensor pretrained, IReadOnlyList<Tensor> values);

    /// <summary>Frees the native memory of its constants.</summary>
    public virtual void Dispose()
    {
    }
}
