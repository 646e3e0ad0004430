using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One way in which few trained parameters change given weights: a description and a pure function of the weights and the
/// parameters, never the parameters themselves.
/// </summary>
internal abstract class Increment : IDisposable
{
    /// <summary>How tables call it.</summary>
    public abstract string Method { get; }

    /// <summary>How reports describe its fixed weights.</summary>
    public abstract string FixedWeightsName { get; }

    /// <summary>What is trained: names and shapes.</summary>
    public abstract IReadOnlyList<(string Name, long[] Shape)> Values { get; }

    /// <summary>Where training starts: parameters that change nothing, on the CPU, in the caller's dispose scope.</summary>
    public abstract IReadOnlyList<Tensor> Start();

    /// <summary>The change of theta (P) as a whole; differentiable in the values. Nothing where it changes single tensors.</summary>
    public virtual Tensor OnTheta(Tensor theta, IReadOnlyList<Tensor> values) => theta;

    /// <summary>The change of single tensors of the target, put into the list; differentiable in the values.</summary>
    public virtual void OnTensors(Tensor[] weights, IReadOnlyList<Tensor> values)
    {
    }

    /// <summary>
    /// How far each changed tensor can move with the values, by its place in the target; null where no bound is known.
    /// </summary>
    /// <param name="values">The values.</param>
    /// <param name="missing">What stands in the way.</param>
    public abstract IReadOnlyDictionary<int, TensorShift>? Shifts(IReadOnlyList<Tensor> values, out string missing);

    /// <summary>
    /// The parts of the values that can move alone, each with what its name ends with besides the value's and the places of the tensors that it may move.
    /// </summary>
    /// <param name="value">The place of the value.</param>
    public abstract IEnumerable<(string Ending, IReadOnlyList<int> Moved)> Movers(int value);

    /// <summary>Frees the native memory of its constants.</summary>
    public virtual void Dispose()
    {
    }
}
