using System.Globalization;
using System.Text.Json;
using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The adapter file: a safetensors container with the latent (and trainable scales), and in its metadata the format's version,
/// the mapping's description and the target's fingerprint. The fixed weights are in it as a seed.
/// </summary>
internal static class AdapterFile
{
    private const string Format = "mappingnets-adapter";
    private const string Version = "1";
    private const string LatentName = "latent";
    private const string ScalesName = "scales";
    private const string LinearMapName = "modulation.map";
    /// <summary>What stands before the name of a buffer, here and in the adapters of fine-tuned networks.</summary>
    public const string BufferPrefix = "buffers.";

    public static void Save(MappedModel model, string path) =>
        Write(model, (tensors, metadata) => SafetensorsFile.Write(path, tensors, metadata));

    public static void SaveFolder(MappedModel model, string folder) =>
        Write(model, (tensors, metadata) => AdapterFolder.Write(folder, tensors, metadata));

    private static void Write(MappedModel model, Action<IReadOnlyList<(string, Tensor)>, IReadOnlyDictionary<string, string>> write)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (name, values) in model.TrainableNames.Zip(model.Trainables))
            if (!FiniteNumbers.AllIn(values))
                throw new InvalidOperationException(
                    $"The model's '{name}' holds a number that is not finite; its adapter could not be loaded and is not written.");
        var tensors = new List<(string, Tensor)> { (LatentName, model.Latent.cpu()) };
        if (model.TrainableScales is { } scales)
            tensors.Add((ScalesName, scales.cpu()));
        if (model.Mapping.Specification.Modulations is [Modulation.LinearModulation linear])
            tensors.Add((LinearMapName, linear.map.cpu()));
        foreach (var (buffer, values) in model.Target.Buffers.Zip(model.State.Tensors))
            tensors.Add((BufferPrefix + buffer.Name, values.cpu()));
        write(tensors, new Dictionary<string, string>
        {
            ["format"] = Format,
            ["format_version"] = Version,
            ["target"] = model.Target.Name,
            ["target_parameters"] = model.Target.ParameterCount.ToString(CultureInfo.InvariantCulture),
            ["target_fingerprint"] = AdapterDescription.Fingerprint(model.Target.Layout),
            ["mapping"] = AdapterDescription.Of(model).ToJson(),
        });
    }

    public static MappedModel Load(string path, TargetNetwork target, Func<Tensor, Tensor>? modulation, Device device)
    {
        using var scope = NewDisposeScope();
        path = AdapterFolder.FileOf(path);
        using var file = SafetensorsFile.Read(path);
        CheckHeader(file, target);
        var description = Description(file);
        if (modulation is not null && !description.NeedsFunction())
            throw new ArgumentException(
                $"'{path}' has the modulation '{description.Modulation}', to which no function belongs.", nameof(modulation));

        // Everything is read and held against the description before a weight is generated.
        var latent = Numbers(file, LatentName, [description.LatentCount()]);
        var scales = description.TrainableScale ? Numbers(file, ScalesName, [target.Parameters.Count]) : null;
        var map = description.NeedsMap() ? Map(file, target) : null;
        Tensor[] buffers = [.. target.Buffers.Select(buffer => Buffer(file, buffer))];
        string[] expected = [.. target.Buffers.Select(buffer => BufferPrefix + buffer.Name), LatentName, .. scales is null ? [] : new[] { ScalesName }, .. map is null ? [] : new[] { LinearMapName }];
        if (file.Entries.FirstOrDefault(entry => !expected.Contains(entry.Name)) is { } stranger)
            throw new CheckpointFormatException(path, $"holds the tensor '{stranger.Name}', which its mapping does not have.");

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
            return new(target, description.ToSpecification(target, map, modulation), device, owned: map);
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

    private static void CheckHeader(SafetensorsFile file, TargetNetwork target)
    {
        if (!file.Metadata.TryGetValue("format", out var format) || format != Format)
            throw new CheckpointFormatException(
                file.FileName, $"is a safetensors file, but no MappingNets adapter: its metadata does not name the format '{Format}'.");
        var version = file.Metadata.GetValueOrDefault("format_version", "missing");
        if (version != Version)
            throw new CheckpointFormatException(
                file.FileName, $"is an adapter of another version: its format version is {version}; this library reads version {Version}.");
        if (file.Metadata.GetValueOrDefault("target_fingerprint") != AdapterDescription.Fingerprint(target.Layout))
            throw new CheckpointFormatException(
                file.FileName,
                $"was made for another target network, '{file.Metadata.GetValueOrDefault("target", "unnamed")}' with "
                + $"{file.Metadata.GetValueOrDefault("target_parameters", "?")} weights; this one is '{target.Name}' with "
                + $"{target.ParameterCount.ToString(CultureInfo.InvariantCulture)}, and the names or shapes of the weights differ.");
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
        var map = Finite(file, Entry(file, LinearMapName).Name);
        try
        {
            return MappingChecks.LinearMap(target.ParameterCount, map);
        }
        catch (ArgumentException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a modulation that does not fit the target: {fault.Message}", fault);
        }
    }

    private static Tensor Numbers(SafetensorsFile file, string name, long[] shape)
    {
        var entry = Entry(file, name);
        if (entry.DType != ScalarType.Float32 || !entry.Shape.SequenceEqual(shape))
            throw new CheckpointFormatException(file.FileName, $"has the tensor {entry}; its mapping needs F32{ShapeText.Of(shape)}.");
        return Finite(file, name);
    }

    public static Tensor Buffer(SafetensorsFile file, BufferSpecification buffer)
    {
        var entry = Entry(file, BufferPrefix + buffer.Name);
        if (entry.DType != buffer.Type || !entry.Shape.SequenceEqual(buffer.Shape))
            throw new CheckpointFormatException(
                file.FileName, $"has the tensor {entry}; the target's buffer is {buffer.Type}{ShapeText.Of(buffer.Shape)}.");
        return Finite(file, entry.Name);
    }

    private static Tensor Finite(SafetensorsFile file, string name)
    {
        var values = file.Load(name);
        return FiniteNumbers.AllIn(values)
            ? values
            : throw new CheckpointFormatException(file.FileName, $"has the tensor '{name}', which holds a number that is not finite.");
    }

    private static SafetensorsEntry Entry(SafetensorsFile file, string name) =>
        file.Entries.SingleOrDefault(entry => entry.Name == name)
        ?? throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");
}
