using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The buffers of a target network for one model, such as running means and variances. A target network itself stays without
/// state, so two models that share it never disturb each other.
/// </summary>
public sealed class NetworkState : IDisposable
{
    /// <summary>Takes the tensors over, whatever dispose scope they were made in.</summary>
    internal NetworkState(IReadOnlyList<BufferSpecification> specifications, IEnumerable<Tensor> tensors)
    {
        Specifications = specifications;
        Tensors = [.. tensors.Select(tensor => tensor.DetachFromDisposeScope())];
    }

    /// <summary>What the buffers are, in the order of the network.</summary>
    public IReadOnlyList<BufferSpecification> Specifications { get; }

    /// <summary>The buffers, in the same order. Owned by this state; passes in training mode change them in place.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>One buffer.</summary>
    /// <param name="name">Its name, such as "bn1.running_mean".</param>
    /// <exception cref="KeyNotFoundException">There is no such buffer.</exception>
    public Tensor this[string name]
    {
        get
        {
            for (var index = 0; index < Tensors.Count; index++)
                if (Specifications[index].Name == name)
                    return Tensors[index];
            throw new KeyNotFoundException(
                $"There is no buffer '{name}'; there are {string.Join(", ", Specifications.Select(buffer => buffer.Name))}.");
        }
    }

    /// <summary>A state of its own with the same values.</summary>
    public NetworkState Copy()
    {
        using var noGradient = no_grad();
        return new(Specifications, [.. Tensors.Select(tensor => tensor.clone())]);
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors)
            tensor.Dispose();
    }
}
