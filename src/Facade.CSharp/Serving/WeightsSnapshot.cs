using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// All weights and buffers of a network at one moment, which never change. Each user holds them; the last to let go frees the native
/// memory.
/// </summary>
internal sealed class WeightsSnapshot(string? adapter, IReadOnlyList<Tensor> weights, NetworkState state)
{
    private int holders = 1;

    /// <summary>The adapter in them, or null for the base alone.</summary>
    public string? Adapter => adapter;

    /// <summary>One tensor per entry of the target.</summary>
    public IReadOnlyList<Tensor> Weights => weights;

    /// <summary>The buffers; a prediction only reads them.</summary>
    public NetworkState State => state;

    /// <summary>Takes hold, unless everyone has let go already.</summary>
    public bool TryHold()
    {
        while (true)
        {
            var seen = Volatile.Read(ref holders);
            if (seen == 0)
                return false;
            if (Interlocked.CompareExchange(ref holders, seen + 1, seen) == seen)
                return true;
        }
    }

    /// <summary>Lets go.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref holders) > 0)
            return;
        foreach (var weight in weights)
            weight.Dispose();
        state.Dispose();
    }
}
