using System.Globalization;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What an adapter of a fine-tuned network is: how its base is changed, the trained numbers, and the fingerprint of the base it
/// belongs to. It owns the numbers, on the CPU.
/// </summary>
internal sealed class AdapterContents : IDisposable
{
    private const string Format = "mappingnets-fine-tuning";
    private const string Version = "1";
    private const string WeightsKey = "base_weights_sha256";

    private readonly string source;
    private readonly string[] bufferNames;
    private readonly string targetName;
    private readonly string? weightsHash;

    private AdapterContents(
        string source, TargetNetwork target, FineTuningConfiguration configuration, IReadOnlyList<string> names, IReadOnlyList<Tensor> values,
        IReadOnlyList<Tensor> buffers, string? weightsHash)
    {
        this.source = source;
        targetName = target.Name;
        TargetParameters = target.ParameterCount;
        Fingerprint = AdapterDescription.Fingerprint(target.Layout);
        Configuration = configuration;
        ValueNames = names;
        Values = values;
        Buffers = buffers;
        bufferNames = [.. target.Buffers.Select(buffer => AdapterFile.BufferPrefix + buffer.Name)];
        this.weightsHash = weightsHash;
    }

    public FineTuningConfiguration Configuration { get; }

    /// <summary>The numbers' names, the increment's first, then the head's.</summary>
    public IReadOnlyList<string> ValueNames { get; }

    /// <summary>The numbers, on the CPU.</summary>
    public IReadOnlyList<Tensor> Values { get; }

    /// <summary>The network's buffers as training left them, on the CPU.</summary>
    public IReadOnlyList<Tensor> Buffers { get; }

    private long TargetParameters { get; }

    private string Fingerprint { get; }

    /// <summary>A copy of what a model has trained.</summary>
    public static AdapterContents Of(FineTunedModel model, bool bindToWeights)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, values) in model.TrainableNames.Zip(model.Trainables))
            if (!FiniteNumbers.AllIn(values))
                throw new InvalidOperationException(
                    $"The model's '{name}' holds a number that is not finite; its adapter could not be loaded and is not written.");
        return new(
            "the model",
            model.Target,
            model.Configuration,
            model.TrainableNames,
            [.. model.Trainables.Select(tensor => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope())],
            [.. model.State.Tensors.Select(tensor => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope())],
            bindToWeights ? model.Base.WeightsHash(model.Configuration.NewHead) : null);
    }

    public void Save(string path) => SafetensorsFile.Write(path, Tensors(), Metadata());

    public void SaveFolder(string folder) => AdapterFolder.Write(folder, Tensors(), Metadata());

    /// <summary>Reads an adapter and holds it against the target; the base's weights are held against it by <see cref="CheckWeights"/>.</summary>
    public static AdapterContents Load(string path, TargetNetwork target)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Read(AdapterFolder.FileOf(path));
        CheckHeader(file, target);
        var configuration = ReadConfiguration(file, target);
        var expected = Expected(file, target, configuration);
        var known = expected.Select(value => value.Name).Concat(target.Buffers.Select(buffer => AdapterFile.BufferPrefix + buffer.Name)).ToHashSet();
        if (file.Entries.FirstOrDefault(entry => !known.Contains(entry.Name)) is { } stranger)
            throw new CheckpointFormatException(file.FileName, $"holds the tensor '{stranger.Name}', which its configuration does not have.");
        var values = expected.Select(value => Numbers(file, value.Name, value.Shape)).ToArray();
        var buffers = target.Buffers.Select(buffer => AdapterFile.Buffer(file, buffer)).ToArray();
        return new(
            file.FileName,
            target,
            configuration,
            [.. expected.Select(value => value.Name)],
            [.. values.Select(tensor => tensor.DetachFromDisposeScope())],
            [.. buffers.Select(tensor => tensor.DetachFromDisposeScope())],
            file.Metadata.GetValueOrDefault(WeightsKey));
    }

    /// <summary>Refuses a base that the adapter was not made for.</summary>
    public void CheckWeights(FineTuningBase basis)
    {
        if (AdapterDescription.Fingerprint(basis.Target.Layout) != Fingerprint)
            throw new CheckpointFormatException(
                source, $"was made for '{targetName}' with {TargetParameters} weights; names or shapes of '{basis.Target.Name}' differ.");
        if (basis.Head.Except(Configuration.NewHead).FirstOrDefault() is { } missing)
            throw new CheckpointFormatException(source, $"changes the base's '{missing}', which the pretrained weights do not have in its shape.");
        if (weightsHash is not null && basis.WeightsHash(Configuration.NewHead) is var other && other != weightsHash)
            throw new CheckpointFormatException(
                source,
                $"was made for other weights of '{targetName}': their SHA-256 is {weightsHash[..12]}..., that of these pretrained weights is {other[..12]}....");
    }

    public void Dispose()
    {
        foreach (var tensor in Values.Concat(Buffers))
            tensor.Dispose();
    }

    private IReadOnlyList<(string, Tensor)> Tensors() => [.. ValueNames.Zip(Values), .. bufferNames.Zip(Buffers)];

    private Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["format_version"] = Version,
            ["target"] = targetName,
            ["target_parameters"] = TargetParameters.ToString(CultureInfo.InvariantCulture),
            ["target_fingerprint"] = Fingerprint,
            ["configuration"] = Configuration.ToJson(),
        };
        if (weightsHash is not null)
            metadata[WeightsKey] = weightsHash;
        return metadata;
    }

    private static void CheckHeader(SafetensorsFile file, TargetNetwork target)
    {
        if (file.Metadata.GetValueOrDefault("format") is var format && format != Format)
            throw new CheckpointFormatException(
                file.FileName, $"is no adapter of a fine-tuned network: its metadata names the format '{format ?? "none"}', not '{Format}'.");
        if (file.Metadata.GetValueOrDefault("format_version", "missing") is var version && version != Version)
            throw new CheckpointFormatException(
                file.FileName, $"is an adapter of another version: its format version is {version}; this library reads version {Version}.");
        if (file.Metadata.GetValueOrDefault("target_fingerprint") != AdapterDescription.Fingerprint(target.Layout))
            throw new CheckpointFormatException(
                file.FileName,
                $"was made for another target network, '{file.Metadata.GetValueOrDefault("target", "unnamed")}' with "
                + $"{file.Metadata.GetValueOrDefault("target_parameters", "?")} weights; this one is '{target.Name}' with "
                + $"{target.ParameterCount.ToString(CultureInfo.InvariantCulture)}, and the names or shapes of the weights differ.");
    }

    private static FineTuningConfiguration ReadConfiguration(SafetensorsFile file, TargetNetwork target)
    {
        var json = file.Metadata.GetValueOrDefault("configuration")
            ?? throw new CheckpointFormatException(file.FileName, "has no configuration.");
        try
        {
            var configuration = FineTuningConfiguration.FromJson(json);
            foreach (var name in configuration.Head.Concat(configuration.NewHead))
                if (!target.Parameters.Any(parameter => parameter.Name == name))
                    throw new CheckpointFormatException(file.FileName, $"names the head '{name}', which '{target.Name}' does not have.");
            return configuration;
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a damaged configuration: {fault.Message}", fault);
        }
    }

    private static IReadOnlyList<(string Name, long[] Shape)> Expected(
        SafetensorsFile file, TargetNetwork target, FineTuningConfiguration configuration)
    {
        try
        {
            using var increment = configuration.ToIncrement(target);
            var parameters = target.Parameters.ToDictionary(parameter => parameter.Name);
            return [.. increment.Values, .. configuration.Head.Select(name => (name, parameters[name].Shape.ToArray()))];
        }
        catch (Exception fault) when (fault is FormatException or ArgumentException)
        {
            throw new CheckpointFormatException(file.FileName, $"has a configuration that does not fit the target: {fault.Message}", fault);
        }
    }

    private static Tensor Numbers(SafetensorsFile file, string name, long[] shape)
    {
        var entry = file.Entries.SingleOrDefault(entry => entry.Name == name)
            ?? throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");
        if (entry.DType != ScalarType.Float32 || !entry.Shape.SequenceEqual(shape))
            throw new CheckpointFormatException(file.FileName, $"has the tensor {entry}; its configuration needs F32{ShapeText.Of(shape)}.");
        var values = file.Load(name);
        return FiniteNumbers.AllIn(values)
            ? values
            : throw new CheckpointFormatException(file.FileName, $"has the tensor '{name}', which holds a number that is not finite.");
    }
}
