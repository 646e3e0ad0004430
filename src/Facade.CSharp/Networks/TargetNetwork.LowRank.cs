using static TorchSharp.torch;

namespace MappingNets;

/// <content>Low rank: a network of which some matrices are products.</content>
public abstract partial class TargetNetwork
{
    /// <summary>
    /// The same network with two factors instead of each chosen matrix or convolution: W = U V with U (outputs, rank) and V (rank,
    /// everything else). Every way of training then trains, generates or prunes the factors; predictions, modules and files with
    /// PyTorch's names get the product. This is the paper's low-rank add-on: CNN2 with rank 32 on "fc1" has 35,914 parameters.
    /// </summary>
    /// <param name="pattern">
    /// Names of layers or tensors, with * for any characters: "fc1", "conv*", "all". A matrix that two factors of this rank would not
    /// make smaller stays as it is; biases stay.
    /// </param>
    /// <param name="rank">The rank, at least 1.</param>
    /// <returns>A network that shares this one's layers; this one is not changed.</returns>
    /// <exception cref="ArgumentException">The pattern chooses no matrix, or one that has a rank already.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank is below 1, or makes no chosen matrix smaller.</exception>
    public TargetNetwork LowRank(string pattern, int rank)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        return LowRankTarget.Of(this, pattern, rank);
    }

    /// <summary>The network whose tensors have the names that PyTorch's users know.</summary>
    internal virtual TargetNetwork Plain => this;

    /// <summary>The ranks of its tensors that are products; empty for most networks.</summary>
    internal virtual IReadOnlyDictionary<string, int> Ranks => EmptyRanks;

    /// <summary>The network as a chain of layers with Lipschitz rules; null where there is none, and why.</summary>
    /// <param name="state">The buffers as they are now, in double precision and on the CPU.</param>
    /// <param name="missing">What stands in the way.</param>
    internal virtual LayerChain? Chain(NetworkState state, out string missing)
    {
        missing = WithoutChain;
        return null;
    }

    /// <summary>Why there is no chain of layers, for a network that has none.</summary>
    private protected virtual string WithoutChain => $"'{Name}' is a network whose layers are not known";

    /// <summary>The weights of <see cref="Plain"/> from this network's, differentiable in them.</summary>
    internal virtual IReadOnlyList<Tensor> PlainWeights(IReadOnlyList<Tensor> weights) => weights;

    private static IReadOnlyDictionary<string, int> EmptyRanks { get; } = new Dictionary<string, int>();
}
