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
        name == SafetensorsHeader.MetadataKey || name.StartsWith(StoredTensors.BufferPrefix, StringComparison.Ordinal);

    public static void Save(GeneratedModel model, string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        SafetensorsFile.Write(
            path,
            [
                .. model.TrainableNames.Zip(model.Trainables, (name, tensor) => (name, tensor.cpu())),
                .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (StoredTensors.BufferPrefix + buffer.Name, values.cpu())),
            ],
            AdapterHeader.TrainedTensors.Write(TargetIdentity.Of(model.Target.Name, model.Target.Layout), version: 1, model.Method));
    }

    public static void Load(GeneratedModel model, string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Read(path);
        AdapterHeader.TrainedTensors.Check(file, TargetIdentity.Of(model.Target.Name, model.Target.Layout), model.Method);
        StoredTensors.RefuseOthers(
            file, [.. model.TrainableNames, .. model.Target.Buffers.Select(buffer => StoredTensors.BufferPrefix + buffer.Name)], Owner);

        // Everything is read before a number changes.
        Tensor[] values = [.. model.TrainableNames.Zip(model.Trainables, (name, kept) => StoredTensors.Numbers(file, name, kept.shape, Owner))];
        Tensor[] buffers = [.. model.Target.Buffers.Select(buffer => StoredTensors.Buffer(file, buffer.Name, buffer.Type, buffer.Shape))];
        foreach (var (kept, value) in model.Trainables.Zip(values))
            kept.copy_(value);
        foreach (var (kept, value) in model.State.Tensors.Zip(buffers))
            kept.copy_(value);
    }
}
