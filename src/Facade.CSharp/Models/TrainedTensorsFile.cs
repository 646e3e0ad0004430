using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The file of a <see cref="GeneratedModel"/>: a safetensors container with the trained tensors and the target's buffers, and in its
/// metadata the method and the target's identity.
/// </summary>
internal static class TrainedTensorsFile
{
    private const string Owner = "the model";

    /// <summary>Whether a name would not come back as a trained tensor's.</summary>
    public static bool IsReserved(string name) =>
        name is SafetensorsHeader.MetadataKey or StoredTensors.MaskName || name.StartsWith(StoredTensors.BufferPrefix, StringComparison.Ordinal);

    public static void Save(GeneratedModel model, string path, StoredPrecision precision)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        BufferChecks.RequireSound(model);
        var metadata = AdapterHeader.TrainedTensors.Write(TargetIdentity.Of(model.Target.Name, model.Target.Layout), model.Method);
        FrozenBinding.State(metadata, model.Target.HashFrozen());
        // The function may use a vector in any way; often it is a latent.
        TensorFile.Write(
            path,
            [
                .. model.TrainableNames.Zip(model.Trainables, (name, tensor) =>
                    new TensorToStore(name, tensor, TensorToStore.PrecisionOf(precision, tensor.shape, isLatent: true))),
                .. BufferChecks.ToStore(model.Target, model.State.Tensors),
                .. StoredTensors.MaskToStore(model.PruningMask),
            ],
            metadata);
    }

    public static void Load(GeneratedModel model, string path, ReadLimits limits)
    {
        model.RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var file = TensorFile.Read(path, limits);
        AdapterHeader.TrainedTensors.Check(file, TargetIdentity.Of(model.Target.Name, model.Target.Layout), model.Method);
        FrozenBinding.Require(path, model.Target, FrozenBinding.Stated(file), model.Target.HashFrozen);
        StoredTensors.RefuseOthers(
            file, [.. model.TrainableNames, .. model.Target.Buffers.Select(buffer => StoredTensors.BufferPrefix + buffer.Name)], Owner);

        // Everything is read before a number changes.
        var mask = StoredTensors.Mask(file, model.Target.ParameterCount);
        Tensor[] values = [.. model.TrainableNames.Zip(model.Trainables, (name, kept) => StoredTensors.Numbers(file, name, kept.shape, Owner))];
        var buffers = BufferChecks.Read(file, model.Target);
        foreach (var (kept, value) in model.Trainables.Zip(values))
            kept.copy_(value);
        foreach (var (kept, value) in model.State.Tensors.Zip(buffers))
            kept.copy_(value);
        if (mask is not null || model.PruningMask is not null)
            model.TakeMask(mask ?? ones(model.Target.ParameterCount, ScalarType.Bool, device: CPU));
    }
}
