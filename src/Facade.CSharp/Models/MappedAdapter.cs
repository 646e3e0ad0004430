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

    public static void Save(MappedModel model, string path, StoredPrecision precision) => Save(model, path, precision, model.Target.HashFrozen());

    /// <summary>The same where it is known what the model's frozen parameters are, though its target may be disposed.</summary>
    public static void Save(MappedModel model, string path, StoredPrecision precision, FrozenHash? frozen)
    {
        using var scope = NewDisposeScope();
        TensorFile.Write(path, Tensors(model, precision), Metadata(model, frozen));
    }

    public static void SaveFolder(MappedModel model, string folder, StoredPrecision precision) =>
        SaveFolder(model, folder, precision, model.Target.HashFrozen());

    /// <summary>As <see cref="Save(MappedModel, string, StoredPrecision, FrozenHash?)"/>.</summary>
    public static void SaveFolder(MappedModel model, string folder, StoredPrecision precision, FrozenHash? frozen)
    {
        using var scope = NewDisposeScope();
        TensorFile.WriteFolder(folder, Tensors(model, precision), Metadata(model, frozen));
    }

    private static List<TensorToStore> Tensors(MappedModel model, StoredPrecision precision)
    {
        using var noGradient = no_grad();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        BufferChecks.RequireSound(model);
        var tensors = new List<TensorToStore> { new(LatentName, model.Latent, TensorToStore.PrecisionOf(precision, model.Latent.shape, isLatent: true)) };
        if (model.TrainableScales is { } scales)
            tensors.Add(new(ScalesName, scales, TensorToStore.PrecisionOf(precision, scales.shape)));
        if (model.Mapping.Specification.Modulations is [Modulation.LinearModulation linear])
            tensors.Add(new(LinearMapName, linear.map));
        tensors.AddRange(BufferChecks.ToStore(model.Target, model.State.Tensors));
        tensors.AddRange(StoredTensors.MaskToStore(model.PruningMask));
        return tensors;
    }

    private static Dictionary<string, string> Metadata(MappedModel model, FrozenHash? frozen)
    {
        var (plain, ranks) = (model.Target.Plain, model.Target.Ranks);
        var metadata = AdapterHeader.Mapped.Write(TargetIdentity.Of(plain.Name, plain.Layout));
        var description = AdapterDescription.Of(model.Mapping.Specification, model.Coefficients) with
        {
            LowRank = ranks.Count == 0 ? null : [.. ranks.Select(pair => new TensorRank(pair.Key, pair.Value))],
        };
        try
        {
            description.Check(model.Target.Layout, limits: null);
        }
        catch (FormatException fault)
        {
            throw new InvalidOperationException($"The adapter could not be loaded and is not written: {fault.Message}.", fault);
        }

        metadata["mapping"] = description.ToJson();
        PyTorchRule.StateOthers(metadata, plain.Layout, plain.Parameters.Select(parameter => parameter.Center));
        FrozenBinding.State(metadata, frozen);
        return metadata;
    }

    public static MappedModel Load(string path, TargetNetwork target, Func<Tensor, Tensor>? modulation, Device device, ReadLimits limits, bool streamed = false)
    {
        using var file = TensorFile.Open(path, limits);
        return Load(file, target, modulation, device, limits, streamed);
    }

    /// <summary>
    /// The model of a file that is open; the caller closes it. The network's frozen parameters are read where the file names some, unless a function
    /// gives what is known of them already.
    /// </summary>
    public static MappedModel Load(
        TensorFile file,
        TargetNetwork target,
        Func<Tensor, Tensor>? modulation,
        Device device,
        ReadLimits limits,
        bool streamed = false,
        Func<FrozenHash?>? frozen = null)
    {
        using var scope = NewDisposeScope();
        var path = file.FileName;
        AdapterHeader.Mapped.Check(file, TargetIdentity.Of(target.Plain.Name, target.Plain.Layout));
        var description = Description(file);
        target = Factored(file, target, description);
        Check(file, target, description, limits);
        PyTorchRule.RequireStated(file, target.Plain.Layout, target.Plain.Parameters.Select(parameter => parameter.Center));
        FrozenBinding.Require(path, target, FrozenBinding.Stated(file), frozen ?? target.HashFrozen);
        if (modulation is not null && !description.NeedsFunction())
            throw new ArgumentException(
                $"'{path}' has the modulation '{description.Modulation}', to which no function belongs.", nameof(modulation));

        // Everything is read and held against the description before a weight is generated.
        var latent = StoredTensors.Numbers(file, LatentName, [description.LatentCount()], Owner);
        var scales = description.TrainableScale ? StoredTensors.Numbers(file, ScalesName, [target.Parameters.Count], Owner) : null;
        var map = description.NeedsMap() ? Map(file, target) : null;
        var mask = StoredTensors.Mask(file, target.ParameterCount);
        var buffers = BufferChecks.Read(file, target);
        StoredTensors.RefuseOthers(
            file,
            [
                LatentName,
                .. scales is null ? [] : new[] { ScalesName },
                .. map is null ? [] : new[] { LinearMapName },
                .. target.Buffers.Select(buffer => StoredTensors.BufferPrefix + buffer.Name),
            ],
            Owner);

        var model = Build(path, target, description, map, modulation, device, streamed);
        using var noGradient = no_grad();
        model.Latent.copy_(latent);
        if (scales is not null)
            model.TrainableScales!.copy_(scales);
        foreach (var (kept, values) in model.State.Tensors.Zip(buffers))
            kept.copy_(values);
        if (mask is not null)
            model.TakeMask(mask);
        model.Coefficients = description.Coefficients ?? model.Coefficients;
        return model;
    }

    private static void Check(TensorFile file, TargetNetwork target, AdapterDescription description, ReadLimits limits)
    {
        try
        {
            description.Check(target.Layout, limits);
        }
        catch (FormatException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"describes a mapping that does not fit the target: {fault.Message}.", fault);
        }
    }

    private static MappedModel Build(
        string path, TargetNetwork target, AdapterDescription description, Tensor? map, Func<Tensor, Tensor>? modulation, Device device, bool streamed)
    {
        try
        {
            map = map?.to(device).DetachFromDisposeScope();
            Func<string, Modulation>? custom = modulation is null ? null : name => MappingChecks.Custom(target.ParameterCount, name, modulation);
            return new(target, description.ToSpecification(map, custom), device, owned: map, isStreamed: streamed);
        }
        catch (FormatException fault)
        {
            throw new CheckpointFormatException(path, $"describes its mapping wrongly: {fault.Message}.", fault);
        }
        catch (ArgumentException fault) when (fault.ParamName is not ("matrix" or "streamed"))
        {
            throw new CheckpointFormatException(path, $"describes a mapping that does not fit the target: {fault.Message}", fault);
        }
    }

    /// <summary>The network with the ranks that the adapter was trained with.</summary>
    private static TargetNetwork Factored(TensorFile file, TargetNetwork target, AdapterDescription description)
    {
        var ranks = (description.LowRank ?? []).Select(piece => KeyValuePair.Create(piece.Name, piece.Rank)).ToArray();
        if (target.Ranks.Count > 0 && !target.Ranks.OrderBy(pair => pair.Key, StringComparer.Ordinal).SequenceEqual(ranks.OrderBy(pair => pair.Key, StringComparer.Ordinal)))
            throw new CheckpointFormatException(
                file.FileName,
                $"was trained with the ranks [{MessageText.Names(ranks.Select(rank => rank.ToString()))}]; '{target.Name}' has [{string.Join(", ", target.Ranks)}]. The network without ranks takes any.");
        if (ranks.Length == 0 || target.Ranks.Count > 0)
            return target;
        try
        {
            return LowRankTarget.Of(target, ranks);
        }
        catch (ArgumentException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"describes ranks that do not fit the target: {MessageText.Of(fault.Message)}", fault);
        }
    }

    private static AdapterDescription Description(TensorFile file)
    {
        var json = file.Metadata.GetValueOrDefault("mapping")
            ?? throw new CheckpointFormatException(file.FileName, "has no description of its mapping.");
        try
        {
            return AdapterDescription.FromJson(json);
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a damaged description of its mapping: {MessageText.Of(fault.Message)}", fault);
        }
    }

    private static Tensor Map(TensorFile file, TargetNetwork target)
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
