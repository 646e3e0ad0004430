using static TorchSharp.torch;

namespace MappingNets;

/// <content>The weights by name, wherever they are.</content>
public sealed partial class PretrainedWeights
{
    /// <summary>The file that the weights stay in; null where they are in memory.</summary>
    internal WeightFile? File { get; }

    /// <summary>A tensor by name, or null; of weights in memory.</summary>
    /// <exception cref="CheckpointFormatException">The file has it in a type that holds no weights.</exception>
    internal Tensor? Find(string name)
    {
        RequireAlive();
        return unusable.TryGetValue(name, out var refusal) ? throw refusal : tensors.GetValueOrDefault(name);
    }

    /// <summary>Refuses weights that stay in their file, for what takes all of them at once.</summary>
    /// <exception cref="ArgumentException">They do.</exception>
    internal void RequireInMemory()
    {
        if (File is not null)
            throw new ArgumentException(
                $"The weights from {Source} stay in their file, where only a streamed fine-tuning reads them; say Streamed(), or read the file into "
                + "memory by PretrainedWeights.FromFile.",
                "pretrained");
    }

    /// <summary>The shape and the type of a tensor, or null where there is none of that name.</summary>
    /// <exception cref="CheckpointFormatException">The file has it in a type that holds no weights.</exception>
    internal (IReadOnlyList<long> Shape, ScalarType Type)? Describe(string name)
    {
        RequireAlive();
        if (File is null)
            return Find(name) is { } tensor ? (tensor.shape, tensor.dtype) : null;
        return entries.GetValueOrDefault(name) switch
        {
            null => null,
            var entry when SafetensorsTypes.HoldsWeights(entry) => (entry.Shape, entry.DType),
            var entry => throw Unusable(File.FileName, entry),
        };
    }

    /// <summary>Whether there is a tensor of a name.</summary>
    /// <exception cref="CheckpointFormatException">The file has it in a type that holds no weights.</exception>
    internal bool Has(string name) => Describe(name) is not null;

    /// <summary>What the file that the weights stay in calls a tensor.</summary>
    internal string StoredName(string name) => entries.GetValueOrDefault(name)?.Name ?? name;

    /// <summary>What stands in the way of reading a tensor piece by piece from the file that it stays in, as a clause; null where nothing does.</summary>
    internal string? WithoutPieces(string name) => File?.MissingOf(StoredName(name));

    /// <summary>Whether all of a tensor's values are finite numbers.</summary>
    internal bool IsFinite(string name) => File?.IsFinite(StoredName(name)) ?? FiniteNumbers.AllIn(Find(name)!);

    /// <summary>One tensor in memory, in single precision where it is a float; of weights that stay in their file a copy in the caller's dispose scope.</summary>
    internal Tensor Load(string name) => File is null ? Find(name)! : File.Load(StoredName(name));

    /// <summary>
    /// The name of a parameter that is frozen in a network's module, and with other values in the module that the weights are of; null where there is
    /// none such.
    /// </summary>
    internal string? OtherFrozen(TargetNetwork target)
    {
        if (frozen.Count == 0 || (origin is not null && origin.TryGetTarget(out var network) && ReferenceEquals(network, target.Plain)))
            return null;
        foreach (var (own, values) in target.Frozen())
            if (target.NamesOf(own).FirstOrDefault(frozen.ContainsKey) is { } name && FrozenHash.Differ(frozen[name], FrozenHash.Of(values)))
                return name;
        return null;
    }

    /// <summary>Refuses what needs the weights once they are freed.</summary>
    /// <exception cref="ObjectDisposedException">The weights are disposed.</exception>
    internal void RequireAlive()
    {
        if (isDisposed)
            throw new ObjectDisposedException(nameof(PretrainedWeights), $"The pretrained weights from {Source} were disposed.");
    }

    private static CheckpointFormatException Unusable(string path, SafetensorsEntry entry) =>
        new(path, $"has the tensor {entry}, whose type holds no weights; {SafetensorsTypes.WeightNames} do.");
}
