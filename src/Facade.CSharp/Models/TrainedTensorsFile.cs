using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The file of a <see cref="GeneratedModel"/>: a safetensors container with the trained tensors and the target's buffers, and in its
/// metadata the format's version, the method and the target's fingerprint.
/// </summary>
internal static class TrainedTensorsFile
{
    private const string Format = "mappingnets-trained-tensors";
    private const string Version = "1";

    /// <summary>Whether a name would not come back as a trained tensor's.</summary>
    public static bool IsReserved(string name) =>
        name == SafetensorsHeader.MetadataKey || name.StartsWith(AdapterFile.BufferPrefix, StringComparison.Ordinal);

    public static void Save(GeneratedModel model, string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, values) in model.TrainableNames.Zip(model.Trainables))
            if (!FiniteNumbers.AllIn(values))
                throw new InvalidOperationException(
                    $"The model's '{name}' holds a number that is not finite; its file could not be loaded and is not written.");
        SafetensorsFile.Write(
            path,
            [
                .. model.TrainableNames.Zip(model.Trainables, (name, tensor) => (name, tensor.cpu())),
                .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (AdapterFile.BufferPrefix + buffer.Name, values.cpu())),
            ],
            new Dictionary<string, string>
            {
                ["format"] = Format,
                ["format_version"] = Version,
                ["method"] = model.Method,
                ["target"] = model.Target.Name,
                ["target_parameters"] = model.Target.ParameterCount.ToString(CultureInfo.InvariantCulture),
                ["target_fingerprint"] = AdapterDescription.Fingerprint(model.Target.Layout),
            });
    }

    public static void Load(GeneratedModel model, string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Read(path);
        CheckHeader(file, model);
        string[] expected = [.. model.TrainableNames, .. model.Target.Buffers.Select(buffer => AdapterFile.BufferPrefix + buffer.Name)];
        if (file.Entries.FirstOrDefault(entry => !expected.Contains(entry.Name)) is { } stranger)
            throw new CheckpointFormatException(path, $"holds the tensor '{stranger.Name}', which the model does not have.");

        // Everything is read before a number changes.
        Tensor[] values = [.. model.TrainableNames.Zip(model.Trainables, (name, kept) => Numbers(file, name, kept))];
        Tensor[] buffers = [.. model.Target.Buffers.Select(buffer => AdapterFile.Buffer(file, buffer))];
        foreach (var (kept, value) in model.Trainables.Zip(values))
            kept.copy_(value);
        foreach (var (kept, value) in model.State.Tensors.Zip(buffers))
            kept.copy_(value);
    }

    private static void CheckHeader(SafetensorsFile file, GeneratedModel model)
    {
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw new CheckpointFormatException(
                file.FileName, $"is a safetensors file, but none of trained tensors: its metadata does not name the format '{Format}'.");
        var version = file.Metadata.GetValueOrDefault("format_version", "missing");
        if (version != Version)
            throw new CheckpointFormatException(
                file.FileName, $"is of another version: its format version is {version}; this library reads version {Version}.");
        var method = file.Metadata.GetValueOrDefault("method", "unnamed");
        if (method != model.Method)
            throw new CheckpointFormatException(file.FileName, $"was made by another method, '{method}'; this model's is '{model.Method}'.");
        if (file.Metadata.GetValueOrDefault("target_fingerprint") != AdapterDescription.Fingerprint(model.Target.Layout))
            throw new CheckpointFormatException(
                file.FileName,
                $"was made for another target network, '{file.Metadata.GetValueOrDefault("target", "unnamed")}' with "
                + $"{file.Metadata.GetValueOrDefault("target_parameters", "?")} weights; this one is '{model.Target.Name}' with "
                + $"{model.Target.ParameterCount.ToString(CultureInfo.InvariantCulture)}, and the names or shapes of the weights differ.");
    }

    private static Tensor Numbers(SafetensorsFile file, string name, Parameter kept)
    {
        var entry = file.Entries.SingleOrDefault(entry => entry.Name == name)
            ?? throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");
        if (entry.DType != ScalarType.Float32 || !entry.Shape.SequenceEqual(kept.shape))
            throw new CheckpointFormatException(file.FileName, $"has the tensor {entry}; the model needs F32{ShapeText.Of(kept.shape)}.");
        var values = file.Load(name);
        return FiniteNumbers.AllIn(values)
            ? values
            : throw new CheckpointFormatException(file.FileName, $"has the tensor '{name}', which holds a number that is not finite.");
    }
}
