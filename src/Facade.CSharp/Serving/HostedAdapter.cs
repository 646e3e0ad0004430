using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The base that a host's adapters stand on at one moment.</summary>
/// <param name="Target">The network.</param>
/// <param name="Theta">All its weights, flat (P), with what is merged into them.</param>
/// <param name="Device">Where it runs.</param>
/// <param name="Changes">The constants of the latest kinds of adapters.</param>
/// <param name="State">The base's buffers; the caller disposes what it gets.</param>
internal sealed record HostedBase(TargetNetwork Target, Tensor Theta, Device Device, ChangeCache Changes, Func<NetworkState> State);

/// <summary>What a host can let answer. Its methods are called inside the host's gate, a dispose scope and no_grad.</summary>
internal abstract class HostedAdapter : IDisposable
{
    /// <summary>The names of the adapters it is made of, which must stay; none by default.</summary>
    public virtual IReadOnlyList<string> Parts => [];

    /// <summary>Why it cannot be merged into a base, as the end of a sentence; null where it can.</summary>
    public virtual string? MergeFault => null;

    /// <summary>Whether it brings persistent buffers of its own, such as running statistics that training moved, and not those of the host's base.</summary>
    public abstract bool HasOwnState { get; }

    /// <summary>The network's weights, one tensor per entry of the target, in the caller's dispose scope.</summary>
    public abstract IReadOnlyList<Tensor> Weights(HostedBase at);

    /// <summary>The network's buffers; the caller disposes them.</summary>
    public abstract NetworkState State(HostedBase at);

    /// <summary>
    /// Refuses adapters whose buffers differ, such as running statistics, of which there is no weighted sum. Those that are not persistent,
    /// such as a dropout's place in its stream, count how long an adapter was trained and change no answer.
    /// </summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static void RequireEqualBuffers(HostedBase at, (string Name, HostedAdapter Adapter) first, (string Name, HostedAdapter Adapter) second)
    {
        using var one = first.Adapter.State(at);
        using var other = second.Adapter.State(at);
        foreach (var (buffer, own, others) in at.Target.Buffers.Zip(one.Tensors, other.Tensors))
            if (buffer.IsPersistent && !own.equal(others).all().item<bool>())
                throw new InvalidOperationException(
                    $"The adapters '{first.Name}' and '{second.Name}' differ in the buffer '{buffer.Name}', of which there is no weighted sum; train them with frozen statistics.");
    }

    /// <summary>Writes it as one file.</summary>
    public abstract void Save(string path, StoredPrecision precision);

    /// <summary>Writes it as a folder.</summary>
    public abstract void SaveFolder(string folder, StoredPrecision precision);

    /// <inheritdoc/>
    public abstract void Dispose();
}
