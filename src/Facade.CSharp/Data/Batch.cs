using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A few samples that go through a network together.</summary>
public sealed class Batch : IDisposable
{
    internal Batch(IReadOnlyList<Tensor> inputs, Tensor targets, IReadOnlyList<long> places)
    {
        InputList = [.. inputs.Select(input => input.DetachFromDisposeScope())];
        Targets = targets.DetachFromDisposeScope();
        Places = places;
    }

    /// <summary>The only input, (N, ...).</summary>
    /// <exception cref="InvalidOperationException">The samples have several inputs.</exception>
    public Tensor Inputs => InputList is [var only]
        ? only
        : throw new InvalidOperationException($"Each sample has {InputList.Count} inputs; {nameof(InputList)} holds them.");

    /// <summary>All inputs, (N, ...) each, in the order in which the network takes them.</summary>
    public IReadOnlyList<Tensor> InputList { get; }

    /// <summary>The targets of the same samples: class numbers (N, ...) as int64, or numbers to regress.</summary>
    public Tensor Targets { get; }

    /// <summary>Where the samples are in the data set.</summary>
    internal IReadOnlyList<long> Places { get; }

    /// <summary>N, how many samples.</summary>
    public int Count => Places.Count;

    /// <summary>All inputs on a device, in the caller's dispose scope.</summary>
    internal Tensor[] InputsOn(Device device) => [.. InputList.Select(input => input.to(device))];

    /// <summary>For <c>var (inputs, targets) = batch</c>.</summary>
    /// <param name="inputs">The only input.</param>
    /// <param name="targets">The targets.</param>
    /// <exception cref="InvalidOperationException">The samples have several inputs.</exception>
    public void Deconstruct(out Tensor inputs, out Tensor targets) => (inputs, targets) = (Inputs, Targets);

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var input in InputList)
            input.Dispose();
        Targets.Dispose();
    }
}
