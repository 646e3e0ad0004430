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

    public static void Save(MappedModel model, string path)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var tensors = new List<(string, Tensor)> { (LatentName, model.Latent.cpu()) };
        if (model.TrainableScales is { } scales)
            tensors.Add((ScalesName, scales.cpu()));
        if (model.Mapping.Specification.Modulations is [Modulation.LinearModulation linear])
            tensors.Add((LinearMapName, linear.map.cpu()));
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>
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
        using var file = SafetensorsFile.Read(path);
        CheckHeader(file, target);
        using var scope = NewDisposeScope();
        var specification = Specification(file, modulation);
        MappedModel model;
        try
        {
            model = new(target, specification, device);
        }
        catch (ArgumentException fault)
        {
            throw new CheckpointFormatException(path, $"its mapping does not fit the target: {fault.Message}", fault);
        }

        try
        {
            CopyInto(model.Latent, file, LatentName);
            if (model.TrainableScales is { } scales)
                CopyInto(scales, file, ScalesName);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void CheckHeader(SafetensorsFile file, TargetNetwork target)
    {
        if (!file.Metadata.TryGetValue("format", out var format) || format != Format)
            throw new CheckpointFormatException(
                file.FileName, "it is a safetensors file, but no MappingNets adapter (its metadata names no such format)");
        var version = file.Metadata.GetValueOrDefault("format_version", "none");
        if (version != Version)
            throw new CheckpointFormatException(
                file.FileName, $"its format version is {version}; this library reads version {Version}");
        if (file.Metadata.GetValueOrDefault("target_fingerprint") != AdapterDescription.Fingerprint(target.Layout))
            throw new CheckpointFormatException(
                file.FileName,
                $"it was made for another target network, '{file.Metadata.GetValueOrDefault("target", "unnamed")}' with "
                + $"{file.Metadata.GetValueOrDefault("target_parameters", "?")} weights; this one is '{target.Name}' with "
                + $"{target.ParameterCount.ToString(CultureInfo.InvariantCulture)}, and names or shapes of weights differ");
    }

    private static MappingSpecification Specification(SafetensorsFile file, Func<Tensor, Tensor>? modulation)
    {
        try
        {
            var json = file.Metadata.GetValueOrDefault("mapping") ?? throw new FormatException("it has no description of its mapping");
            var map = file.Entries.Any(entry => entry.Name == LinearMapName)
                ? file.Load(LinearMapName).DetachFromDisposeScope()
                : null;
            return AdapterDescription.FromJson(json).ToSpecification(map, modulation);
        }
        catch (Exception fault) when (fault is JsonException or FormatException)
        {
            throw new CheckpointFormatException(file.FileName, $"its mapping cannot be read: {fault.Message}", fault);
        }
    }

    private static void CopyInto(Tensor destination, SafetensorsFile file, string name)
    {
        var entry = file.Entries.SingleOrDefault(entry => entry.Name == name)
            ?? throw new CheckpointFormatException(file.FileName, $"it has no tensor named '{name}'");
        if (entry.DType != ScalarType.Float32 || !entry.Shape.SequenceEqual(destination.shape))
            throw new CheckpointFormatException(
                file.FileName, $"its tensor {entry} must be of F32{ShapeText.Of(destination.shape)}");
        using var noGradient = no_grad();
        var values = file.Load(name);
        if (!values.isfinite().all().item<bool>())
            throw new CheckpointFormatException(file.FileName, $"its tensor '{name}' holds a number that is not finite");
        destination.copy_(values);
    }
}
