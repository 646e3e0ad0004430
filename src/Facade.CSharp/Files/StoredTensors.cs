using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Reads tensors of a file against what its description needs; every refusal names the tensor.</summary>
internal static class StoredTensors
{
    /// <summary>What stands before the name of a buffer.</summary>
    public const string BufferPrefix = "buffers.";

    /// <summary>The tensor with the bits of a pruned model's mask.</summary>
    public const string MaskName = "pruning_mask";

    /// <summary>A tensor of finite numbers in single precision.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="owner">Who needs it, such as "its mapping".</param>
    public static Tensor Numbers(TensorFile file, string name, IReadOnlyList<long> shape, string owner)
    {
        var entry = Entry(file, name);
        if (entry.StoredType != "F32" || !entry.Shape.SequenceEqual(shape))
            throw new CheckpointFormatException(file.FileName, $"has the tensor {entry}; {owner} needs F32{ShapeText.Of(shape)}.");
        return Finite(file, name);
    }

    /// <summary>A buffer of the target: finite numbers, or where the network itself starts with others, such as a mask of -inf, these.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The buffer's name.</param>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="start">Gives what the buffer is before training.</param>
    public static Tensor Buffer(TensorFile file, string name, ScalarType type, IReadOnlyList<long> shape, Func<Tensor> start)
    {
        var entry = Entry(file, BufferPrefix + name);
        if (entry.StoredType != SafetensorsTypes.NameOf(type) || !entry.Shape.SequenceEqual(shape))
            throw new CheckpointFormatException(
                file.FileName, $"has the tensor {entry}; the target's buffer is {type}{ShapeText.Of(shape)}.");
        var values = file.Load(entry.Name);
        return FiniteNumbers.AllIn(values) || FiniteNumbers.AllInOrAsIn(values, start())
            ? values
            : throw new CheckpointFormatException(
                file.FileName, $"has the tensor '{entry.Name}', which holds a number that is not finite where the network starts with one that is.");
    }

    /// <summary>A pruned model's mask, booleans of shape (count); null where the file has none.</summary>
    public static Tensor? Mask(TensorFile file, long count)
    {
        if (file.Find(MaskName) is not { } entry)
            return null;
        return entry.StoredType == "U8" && entry.Shape is [var length] && length == MaskBits.Length(count)
            ? MaskBits.Unpack(file.Load(MaskName), count)
            : throw new CheckpointFormatException(
                file.FileName, $"has the tensor {entry}; a mask of {count} weights needs U8({MaskBits.Length(count)}).");
    }

    /// <summary>The mask as it is written; nothing for a model that is not pruned.</summary>
    public static IEnumerable<TensorToStore> MaskToStore(Tensor? mask) => mask is null ? [] : [new(MaskName, MaskBits.Pack(mask.cpu()))];

    /// <summary>A tensor of any shape whose numbers are finite.</summary>
    public static Tensor Finite(TensorFile file, string name)
    {
        var values = file.Load(Entry(file, name).Name);
        return FiniteNumbers.AllIn(values)
            ? values
            : throw new CheckpointFormatException(file.FileName, $"has the tensor '{name}', which holds a number that is not finite.");
    }

    /// <summary>Refuses a file with a tensor that nothing reads.</summary>
    public static void RefuseOthers(TensorFile file, IEnumerable<string> expected, string owner)
    {
        var names = expected.Append(MaskName).ToHashSet(StringComparer.Ordinal);
        if (file.Entries.FirstOrDefault(entry => !names.Contains(entry.Name)) is { } unknown)
            throw new CheckpointFormatException(file.FileName, $"holds the tensor '{MessageText.Of(unknown.Name)}', which {owner} does not have.");
    }

    /// <summary>Refuses to write what no one could load.</summary>
    /// <exception cref="InvalidOperationException">A trained tensor holds a number that is not finite.</exception>
    public static void RequireFinite(IEnumerable<(string Name, Tensor Values)> trained)
    {
        foreach (var (name, values) in trained)
            if (!FiniteNumbers.AllIn(values))
                throw new InvalidOperationException(
                    $"The model's '{name}' holds a number that is not finite; its file could not be loaded and is not written.");
    }

    /// <summary>Refuses to write buffers that no one could load.</summary>
    /// <param name="buffers">The buffers' names and values.</param>
    /// <param name="start">Gives what the buffers are before training, in the same order.</param>
    /// <exception cref="InvalidOperationException">A buffer holds a number that is not finite where the network starts with one that is.</exception>
    public static void RequireSound(IReadOnlyList<(string Name, Tensor Values)> buffers, Func<IReadOnlyList<Tensor>> start)
    {
        if (buffers.All(buffer => FiniteNumbers.AllIn(buffer.Values)))
            return;
        foreach (var ((name, values), first) in buffers.Zip(start()))
            if (!FiniteNumbers.AllInOrAsIn(values, first))
                throw new InvalidOperationException(
                    $"The network's buffer '{name}' holds a number that is not finite; its file could not be loaded and is not written.");
    }

    private static SafetensorsEntry Entry(TensorFile file, string name) =>
        file.Find(name)
        ?? throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");
}
