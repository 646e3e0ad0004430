using System.Text.Json;
using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The adapter file of a mapped model: a safetensors container with the latent (and trainable scales), and in its metadata the
/// mapping's description and the target's identity. The fixed weights are in it as a seed.
/// </summary>
internal static class MappedAdapter
{
    private const string LatentName = "latent";
    private const string ScalesName = "scales";
    private const string LinearMapName = "modulation.map";
    private const string Owner = "its mapping";

    public static void Save(MappedModel model, string path) =>
        Write(model, (tensors, metadata) => SafetensorsFile.Write(path, tensors, metadata));

    public static void SaveFolder(MappedModel model, string folder) =>
        Write(model, (tensors, metadata) => AdapterFolder.Write(folder, tensors, metadata));

    private static void Write(MappedModel model, Action<IReadOnlyList<(string, Tensor)>, IReadOnlyDictionary<string, string>> write)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        var tensors = new List<(string, Tensor)> { (LatentName, model.Latent.cpu()) };
        if (model.TrainableScales is { } scales)
            tensors.Add((ScalesName, scales.cpu()));
        if (model.Mapping.Specification.Modulations is [Modulation.LinearModulation linear])
            tensors.Add((LinearMapName, linear.map.cpu()));
        foreach (var (buffer, values) in model.Target.Buffers.Zip(model.State.Tensors))
            tensors.Add((StoredTensors.BufferPrefix + buffer.Name, values.cpu()));
        var metadata = AdapterHeader.Mapped.Write(TargetIdentity.Of(model.Target.Name, model.Target.Layout), version: 1);
        metadata["mapping"] = AdapterDescription.Of(model.Mapping.Specification, model.Coefficients).ToJson();
        write(tensors, metadata);
    }

    public static MappedModel Load(string path, TargetNetwork target, Func<Tensor, Tensor>? modulation, Device device)
    {
        using var scope = NewDisposeScope();
        path = AdapterFolder.FileOf(path);
        using var file = SafetensorsFile.Read(path);
        AdapterHeader.Mapped.Check(file, TargetIdentity.Of(target.Name, target.Layout));
        var description = Description(file);
        if (modulation is not null && !description.NeedsFunction())
            throw new ArgumentException(
                $"'{path}' has the modulation '{description.Modulation}', to which no function belongs.", nameof(modulation));

        // Everything is read and held against the description before a weight is generated.
        var latent = StoredTensors.Numbers(file, LatentName, [description.LatentCount()], Owner);
        var scales = description.TrainableScale ? StoredTensors.Numbers(file, ScalesName, [target.Parameters.Count], Owner) : null;
        var map = description.NeedsMap() ? Map(file, target) : null;
        Tensor[] buffers = [.. target.Buffers.Select(buffer => StoredTensors.Buffer(file, buffer.Name, buffer.Type, buffer.Shape))];
        StoredTensors.RefuseOthers(
            file,
            [
                LatentName,
                .. scales is null ? [] : new[] { ScalesName },
                .. map is null ? [] : new[] { LinearMapName },
                .. target.Buffers.Select(buffer => StoredTensors.BufferPrefix + buffer.Name),
            ],
            Owner);

        var model = Build(path, target, description, map, modulation, device);
        using var noGradient = no_grad();
        model.Latent.copy_(latent);
        if (scales is not null)
            model.TrainableScales!.copy_(scales);
        foreach (var (kept, values) in model.State.Tensors.Zip(buffers))
            kept.copy_(values);
        model.Coefficients = description.Coefficients ?? model.Coefficients;
        return model;
    }

    private static MappedModel Build(
        string path, TargetNetwork target, AdapterDescription description, Tensor? map, Func<Tensor, Tensor>? modulation, Device device)
    {
        try
        {
            map = map?.to(device).DetachFromDisposeScope();
            Func<string, Modulation>? custom = modulation is null ? null : name => MappingChecks.Custom(target.ParameterCount, name, modulation);
            return new(target, description.ToSpecification(map, custom), device, owned: map);
        }
        catch (FormatException fault)
        {
            throw new CheckpointFormatException(path, $"describes its mapping wrongly: {fault.Message}.", fault);
        }
        catch (ArgumentException fault) when (fault.ParamName != "matrix")
        {
            throw new CheckpointFormatException(path, $"describes a mapping that does not fit the target: {fault.Message}", fault);
        }
    }

    private static AdapterDescription Description(SafetensorsFile file)
    {
        var json = file.Metadata.GetValueOrDefault("mapping")
            ?? throw new CheckpointFormatException(file.FileName, "has no description of its mapping.");
        try
        {
            return AdapterDescription.FromJson(json);
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a damaged description of its mapping: {fault.Message}", fault);
        }
    }

    private static Tensor Map(SafetensorsFile file, TargetNetwork target)
    {
        var map = StoredTensors.Finite(file, LinearMapName);
        try
        {
            return MappingChecks.LinearMap(target.ParameterCount, map);
        }
        catch (ArgumentException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a modulation that does not fit the target: {fault.Message}", fault);
        }
    }
}
