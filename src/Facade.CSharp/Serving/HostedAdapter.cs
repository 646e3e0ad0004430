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

    /// <summary>The network's weights, one tensor per entry of the target, in the caller's dispose scope.</summary>
    public abstract IReadOnlyList<Tensor> Weights(HostedBase at);

    /// <summary>The network's buffers; the caller disposes them.</summary>
    public abstract NetworkState State(HostedBase at);

    /// <summary>Writes it as one file.</summary>
    public abstract void Save(string path, StoredPrecision precision);

    /// <summary>Writes it as a folder.</summary>
    public abstract void SaveFolder(string folder, StoredPrecision precision);

    /// <inheritdoc/>
    public abstract void Dispose();
}
