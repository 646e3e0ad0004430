using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What an adapter of a fine-tuned network is: how its base is changed, the trained parameters, and the fingerprint of the base it
/// belongs to. It owns the parameters, on the CPU.
/// </summary>
internal sealed class AdapterContents : IDisposable
{
    private const string Owner = "its configuration";
    private const string WeightsKey = "base_weights_sha256";
    private const string BuffersKey = "base_buffers_sha256";

    private readonly string source;
    private readonly TargetNetwork target;
    private readonly TargetIdentity identity;
    private readonly string? weightsHash;
    private readonly FrozenHash? frozenHash;
    private string? buffersHash;

    private AdapterContents(
        string source, TargetNetwork target, FineTuningConfiguration configuration, IReadOnlyList<string> names, IReadOnlyList<Tensor> values,
        IReadOnlyList<Tensor> buffers, Tensor? mask, string? weightsHash, string? buffersHash, FrozenHash? frozenHash)
    {
        this.source = source;
        this.target = target;
        identity = TargetIdentity.Of(target.Name, target.Layout);
        Configuration = configuration;
        ValueNames = names;
        Values = values;
        Buffers = buffers;
        Mask = mask;
        (this.weightsHash, this.buffersHash, this.frozenHash) = (weightsHash, buffersHash, frozenHash);
    }

    public FineTuningConfiguration Configuration { get; }

    /// <summary>The parameters' names, in the order of the configuration.</summary>
    public IReadOnlyList<string> ValueNames { get; }

    /// <summary>The parameters, on the CPU.</summary>
    public IReadOnlyList<Tensor> Values { get; }

    /// <summary>
    /// The network's buffers as training left them, on the CPU. Where these are the base's own, a file does not hold them, and <see cref="CheckWeights"/>
    /// takes them from the base.
    /// </summary>
    public IReadOnlyList<Tensor> Buffers { get; private set; }

    /// <summary>Which weights pruning left, booleans (P) on the CPU; null where it left all.</summary>
    public Tensor? Mask { get; }

    /// <summary>A copy of what a model has trained.</summary>
    public static AdapterContents Of(FineTunedModel model, bool bindToWeights)
    {
        model.RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        BufferChecks.RequireSound(model);
        RequireReadable(model);
        // Before tensors are taken out of the scope: a hash may fail.
        var frozenHash = bindToWeights ? model.Base.FrozenHash : null;
        var weightsHash = bindToWeights ? model.Base.WeightsHash(model.Configuration.NewHead) : null;
        // Another base may have others, so an adapter that is not bound to one brings its own.
        var buffersHash = bindToWeights && FineTuningBase.HashOf(model.Target, model.State.Tensors) is { } hash && hash == model.Base.BuffersHash ? hash : null;
        return new(
            "the model",
            model.Target,
            model.Configuration,
            model.TrainableNames,
            [.. model.Trainables.Select(tensor => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope())],
            [.. model.State.Tensors.Select(tensor => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope())],
            model.PruningMask?.to(CPU, copy: true).DetachFromDisposeScope(),
            weightsHash,
            buffersHash,
            frozenHash);
    }

    /// <summary>Refuses to write what no one could load.</summary>
    /// <exception cref="InvalidOperationException">The model's configuration is such.</exception>
    public static void RequireReadable(FineTunedModel model)
    {
        try
        {
            model.Configuration.Check(model.Target, limits: null);
        }
        catch (FormatException fault)
        {
            throw new InvalidOperationException($"The adapter could not be loaded and is not written: {fault.Message}.", fault);
        }
    }

    public void Save(string path, StoredPrecision precision)
    {
        using var scope = NewDisposeScope();
        TensorFile.Write(path, Tensors(precision), Metadata());
    }

    public void SaveFolder(string folder, StoredPrecision precision)
    {
        using var scope = NewDisposeScope();
        TensorFile.WriteFolder(folder, Tensors(precision), Metadata());
    }

    /// <summary>Reads an adapter and holds it against the target; the base's weights are held against it by <see cref="CheckWeights"/>.</summary>
    public static AdapterContents Load(string path, TargetNetwork target, ReadLimits limits)
    {
        using var file = TensorFile.Open(path, limits);
        return Load(file, target, limits);
    }

    /// <summary>The same of a file that is open; the caller closes it.</summary>
    public static AdapterContents Load(TensorFile file, TargetNetwork target, ReadLimits limits)
    {
        using var scope = NewDisposeScope();
        var version = AdapterHeader.FineTuned.Check(file, TargetIdentity.Of(target.Name, target.Layout));
        var configuration = ReadConfiguration(file, version);
        Check(file, target, configuration, limits);
        PyTorchRule.RequireStated(file, target.Layout, target.Parameters.Select(parameter => parameter.Center));
        var expected = WeightChange.ValuesOf(target, configuration);
        // All of them before tensors are taken out of the scope: one may be damaged.
        var (ofWeights, ofBase, ofFrozen) = (AdapterHeader.HashIn(file, WeightsKey), AdapterHeader.HashIn(file, BuffersKey), FrozenBinding.Stated(file));
        StoredTensors.RefuseOthers(
            file,
            expected.Select(value => value.Name).Concat(ofBase is null ? target.Buffers.Select(buffer => StoredTensors.BufferPrefix + buffer.Name) : []), Owner);
        var values = expected.Select(value => StoredTensors.Numbers(file, value.Name, value.Shape, Owner)).ToArray();
        var buffers = ofBase is null ? BufferChecks.Read(file, target) : [];
        var mask = StoredTensors.Mask(file, target.ParameterCount);
        RequireBuildable(file, target, configuration);
        return new(
            file.FileName,
            target,
            configuration,
            [.. expected.Select(value => value.Name)],
            [.. values.Select(tensor => tensor.DetachFromDisposeScope())],
            [.. buffers.Select(tensor => tensor.DetachFromDisposeScope())],
            mask?.DetachFromDisposeScope(),
            ofWeights,
            ofBase,
            ofFrozen);
    }

    /// <summary>Refuses a base that the adapter was not made for, and takes what the adapter shares with it.</summary>
    /// <param name="baseWeights">The base.</param>
    /// <param name="isComplete">Whether the adapter names all that it was trained beside, as one of a model in memory does; a file may be older.</param>
    public void CheckWeights(FineTuningBase baseWeights, bool isComplete = false)
    {
        if (TargetIdentity.FingerprintOf(baseWeights.Target.Layout) != identity.Fingerprint)
            throw new CheckpointFormatException(
                source, $"was made for '{identity.Name}' with {identity.Parameters} weights; names or shapes of '{baseWeights.Target.Name}' differ.");
        if (!baseWeights.Target.HasBuffers(target.Buffers))
            throw new CheckpointFormatException(
                source, $"was made for a network with the buffers {target.BufferText}; '{baseWeights.Target.Name}' has {baseWeights.Target.BufferText}.");
        if (baseWeights.Head.Except(Configuration.NewHead).FirstOrDefault() is { } missing)
            throw new CheckpointFormatException(source, $"changes the base's '{missing}', which the pretrained weights do not have in its shape.");
        if (weightsHash is not null && baseWeights.WeightsHash(Configuration.NewHead) is var other && other != weightsHash)
            throw new CheckpointFormatException(
                source,
                $"was made for other weights of '{identity.Name}': their SHA-256 is {weightsHash[..12]}..., that of these pretrained weights is {other[..12]}....");
        FrozenBinding.Require(source, baseWeights.Target, frozenHash, () => baseWeights.FrozenHash, isComplete);
        if (buffersHash is null)
            return;
        if (buffersHash != baseWeights.BuffersHash && buffersHash != baseWeights.FormerBuffersHash)
            throw new CheckpointFormatException(
                source,
                $"was trained beside other buffers of '{identity.Name}', such as running means: their SHA-256 is {buffersHash[..12]}..., that of these is "
                + $"{baseWeights.BuffersHash?[..12] ?? "none"}....");
        // Written again, it says what this build says.
        buffersHash = baseWeights.BuffersHash;
        if (Buffers.Count == 0)
            Buffers = [.. baseWeights.State.Tensors.Select(tensor => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope())];
    }

    public void Dispose()
    {
        foreach (var tensor in Values.Concat(Buffers))
            tensor.Dispose();
        Mask?.Dispose();
    }

    private List<TensorToStore> Tensors(StoredPrecision precision)
    {
        // What is no tensor of the target's is a latent, a scale or a factor; of these the latents are the vectors that count.
        bool IsLatent(string name) => !Configuration.Head.Contains(name) && name.StartsWith("latent", StringComparison.Ordinal);
        return
        [
            .. ValueNames.Zip(Values, (name, values) =>
                new TensorToStore(name, values, TensorToStore.PrecisionOf(precision, values.shape, IsLatent(name)))),
            .. buffersHash is null ? BufferChecks.ToStore(target, Buffers) : [],
            .. StoredTensors.MaskToStore(Mask),
        ];
    }

    private Dictionary<string, string> Metadata()
    {
        var metadata = AdapterHeader.FineTuned.Write(identity);
        metadata["configuration"] = Configuration.ToJson();
        if (weightsHash is not null)
            metadata[WeightsKey] = weightsHash;
        if (buffersHash is not null)
            metadata[BuffersKey] = buffersHash;
        if (Configuration.Generates())
            PyTorchRule.StateOthers(metadata, target.Layout, target.Parameters.Select(parameter => parameter.Center));
        FrozenBinding.State(metadata, frozenHash);
        return metadata;
    }

    private static FineTuningConfiguration ReadConfiguration(TensorFile file, int version)
    {
        var json = file.Metadata.GetValueOrDefault("configuration")
            ?? throw new CheckpointFormatException(file.FileName, "has no configuration.");
        try
        {
            return FineTuningConfiguration.FromJson(json, version);
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a damaged configuration: {MessageText.Of(fault.Message)}", fault);
        }
    }

    private static void Check(TensorFile file, TargetNetwork target, FineTuningConfiguration configuration, ReadLimits limits)
    {
        try
        {
            configuration.Check(target, limits);
        }
        catch (FormatException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has a configuration that does not fit the target: {fault.Message}.", fault);
        }
    }

    // The last check, and the only one that costs more than the file's size: what the configuration describes is built.
    private static void RequireBuildable(TensorFile file, TargetNetwork target, FineTuningConfiguration configuration)
    {
        try
        {
            new WeightChange(target, configuration).Dispose();
        }
        catch (Exception fault) when (fault is FormatException or ArgumentException)
        {
            throw new CheckpointFormatException(file.FileName, $"has a configuration that does not fit the target: {fault.Message}", fault);
        }
    }
}
