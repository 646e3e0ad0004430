using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Holds a network's buffers to what files may hold: finite numbers, or where the network itself starts with others, such as the -inf of a
/// causal mask, these.
/// </summary>
internal static class BufferChecks
{
    /// <summary>Refuses to write a model whose running statistics no one could load.</summary>
    /// <exception cref="InvalidOperationException">A buffer holds a number that is not finite where the network starts with one that is.</exception>
    public static void RequireSound(Model model)
    {
        NetworkState? start = null;
        try
        {
            StoredTensors.RequireSound(
                [.. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (buffer.Name, values))],
                () => (start ??= model.Target.CreateState()).Tensors);
        }
        finally
        {
            start?.Dispose();
        }
    }

    /// <summary>
    /// What a file holds of the buffers: those that PyTorch's state_dict has. A dropout's place in its random stream is a matter of training and
    /// would be a name too many there.
    /// </summary>
    public static IEnumerable<TensorToStore> ToStore(TargetNetwork target, IReadOnlyList<Tensor> buffers) =>
        target.Buffers.Zip(buffers).Where(pair => pair.First.IsPersistent)
            .Select(pair => new TensorToStore(StoredTensors.BufferPrefix + pair.First.Name, pair.Second));

    /// <summary>
    /// The network's buffers in a file, in their order, in the caller's dispose scope. One that is not persistent is what it is before training,
    /// unless the file is of an earlier build and has it.
    /// </summary>
    /// <exception cref="CheckpointFormatException">One is missing, of another type or shape, or holds what it may not.</exception>
    public static Tensor[] Read(TensorFile file, TargetNetwork target)
    {
        NetworkState? start = null;
        Tensor Start(int index) => (start ??= target.CreateState()).Tensors[index];
        try
        {
            return
            [
                .. target.Buffers.Select((buffer, index) => !buffer.IsPersistent && file.Find(StoredTensors.BufferPrefix + buffer.Name) is null
                    ? Start(index).clone()
                    : StoredTensors.Buffer(file, buffer.Name, buffer.TypeBeside(ScalarType.Float32), buffer.Shape, () => Start(index))),
            ];
        }
        finally
        {
            start?.Dispose();
        }
    }
}
