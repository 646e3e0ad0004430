using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A few samples that go through a network together.</summary>
public sealed class Batch : IDisposable
{
    internal Batch(Tensor inputs, Tensor targets, IReadOnlyList<long> places)
    {
        Inputs = inputs.DetachFromDisposeScope();
        Targets = targets.DetachFromDisposeScope();
        Places = places;
    }

    /// <summary>The inputs, (N, ...).</summary>
    public Tensor Inputs { get; }

    /// <summary>The targets of the same samples: class numbers (N, ...) as int64, or numbers to regress.</summary>
    public Tensor Targets { get; }

    /// <summary>Where the samples are in the data set.</summary>
    internal IReadOnlyList<long> Places { get; }

    /// <summary>N, how many samples.</summary>
    public int Count => (int)Inputs.shape[0];

    /// <summary>For <c>var (inputs, targets) = batch</c>.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="targets">The targets.</param>
    public void Deconstruct(out Tensor inputs, out Tensor targets) => (inputs, targets) = (Inputs, Targets);

    /// <summary>Frees both tensors.</summary>
    public void Dispose()
    {
        Inputs.Dispose();
        Targets.Dispose();
    }
}
