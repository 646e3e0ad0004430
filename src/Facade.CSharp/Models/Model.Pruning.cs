using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// What pruning leaves of the weights; the mask is a part of the module's state.
public abstract partial class Model
{
    private const string MaskName = "pruning_mask";

    /// <summary>How many weights <see cref="Pruning"/> left; null where the model is not pruned.</summary>
    public long? KeptWeights => PruningMask is { } mask ? CountKept(mask) : null;

    /// <summary>Which weights stay, booleans of shape (P) in the order of theta; null where all do.</summary>
    internal Tensor? PruningMask
    {
        get
        {
            RequireAlive();
            return get_buffer(MaskName);
        }
    }

    /// <summary>The tensors of the network that are trained themselves: pruned, a weight of these is no trained parameter any more.</summary>
    private protected virtual IReadOnlyCollection<string> DirectlyTrainedWeights => [];

    /// <summary>Keeps some weights and makes the others 0 from now on.</summary>
    /// <param name="mask">Booleans of shape (P); copied.</param>
    internal void TakeMask(Tensor mask)
    {
        using var noGradient = no_grad();
        // Made under inference_mode, no graph could hold it.
        using var ordinary = inference_mode(false);
        if (PruningMask is { } present)
            present.copy_(mask);
        else
            register_buffer(MaskName, mask.to(Device, copy: true).DetachFromDisposeScope());
    }

    /// <summary>Generated weights without those that were pruned.</summary>
    private protected IReadOnlyList<Tensor> Masked(IReadOnlyList<Tensor> weights) => PruningMask is { } mask
        ? [.. weights.Zip(Target.Layout.Split(mask), (weight, kept) => weight * kept)]
        : weights;

    /// <summary>The mask of each tensor that is written sparsely, flat; nulls where none is.</summary>
    private IEnumerable<Tensor?> KeptToWrite(TargetNetwork written, bool sparse)
    {
        if (!sparse)
            return Enumerable.Repeat<Tensor?>(null, written.Parameters.Count);
        if (PruningMask is not { } mask)
            throw new InvalidOperationException("The model is not pruned, so nothing of its weights can be left out; Pruning.ToShare prunes it.");
        return written == Target
            ? Target.Layout.Split(mask).Select(kept => kept.reshape(-1))
            : throw new NotSupportedException(
                "The products of pruned factors have no pruned weights; write the factors (factors: true) or write it without sparse.");
    }

    /// <summary>How many weights of some tensors were pruned.</summary>
    private long PrunedAmong(IReadOnlyCollection<string> names)
    {
        if (names.Count == 0 || PruningMask is not { } mask)
            return 0;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return Target.Parameters.Zip(Target.Layout.Split(mask))
            .Where(pair => names.Contains(pair.First.Name)).Sum(pair => pair.First.Count - pair.Second.sum().ToInt64());
    }

    private static long CountKept(Tensor mask)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return mask.sum().ToInt64();
    }
}
