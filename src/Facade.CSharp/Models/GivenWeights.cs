using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Given weights of a network, one tensor at a time: what a streamed pass adds generated changes to.</summary>
internal abstract class GivenWeights
{
    /// <summary>Adds a tensor's given weights to what stands in a place.</summary>
    /// <param name="index">Its place among the network's tensors.</param>
    /// <param name="place">A dense tensor of its shape, single precision on the CPU.</param>
    public abstract void AddTo(int index, Tensor place);

    /// <summary>Puts a tensor's given weights into a place.</summary>
    /// <param name="index">As for <see cref="AddTo"/>.</param>
    /// <param name="place">As for <see cref="AddTo"/>.</param>
    public abstract void CopyTo(int index, Tensor place);
}
