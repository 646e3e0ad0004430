using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The state of a run after an epoch, in one safetensors file: what is trained and the buffers, what the optimiser remembers, the
/// coefficients of the loss, the best state, and what was counted. Written whole or not at all.
/// </summary>
internal sealed class ResumeFile : IDisposable
{
    private const string Format = "mappingnets-run";
    private const string Version = "2";

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly string path;
    private readonly Model model;
    private readonly IReadOnlyDictionary<string, string> settings;
    private readonly Tensor probe;

    /// <summary>The file of a run whose model is still at its start.</summary>
    public ResumeFile(string path, Model model, IReadOnlyDictionary<string, string> settings)
    {
        (this.path, this.model, this.settings) = (path, model, settings);
        probe = RunIdentity.Probe(model).DetachFromDisposeScope();
    }

    /// <summary>What the file says beside its tensors.</summary>
    private sealed record Counted(
        long Step,
        bool StoppedEarly,
        long PeakMemoryBytes,
        IReadOnlyList<long> OptimizerCounts,
        BestState.Score Best,
        bool HasBest,
        IReadOnlyList<EpochResult> History);

    /// <summary>Writes the state after an epoch.</summary>
    /// <exception cref="IOException">The file cannot be written; what it held is intact.</exception>
    public void Save(RunState run, StepLoss loss, StepOptimizer optimizer, BestState best, LastGoodState lastGood)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var tensors = Changing(loss, lastGood).Concat(optimizer.Tensors)
            .Concat(best.Captured.Select((tensor, index) => (BestName(index), tensor)))
            .Append(("step_milliseconds", tensor(run.StepMilliseconds.ToArray())))
            .Append(("probe", probe))
            .Select(pair => (pair.Item1, pair.Item2.detach().cpu())).ToArray();
        var counted = new Counted(
            run.Step,
            run.StoppedEarly,
            Math.Max(run.PeakMemoryBytes, TrainingRun.PeakMemoryBytes()),
            optimizer.Counts,
            best.Reached,
            best.Captured.Count > 0,
            run.History);
        var (settingsJson, countedJson) = (JsonSerializer.Serialize(settings, Json), JsonSerializer.Serialize(counted, Json));
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>
        {
            ["format"] = Format,
            ["format_version"] = Version,
            ["settings"] = settingsJson,
            ["counted"] = countedJson,
            ["sha256"] = Digest(tensors, settingsJson, countedJson),
        });
    }

    /// <summary>Takes the state of the file, where there is one; everything is read and checked before anything changes.</summary>
    /// <exception cref="CheckpointFormatException">The file is damaged, no such file, or of another run.</exception>
    public void Restore(RunState run, StepLoss loss, StepOptimizer optimizer, BestState best, LastGoodState lastGood)
    {
        if (!File.Exists(path))
            return;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var file = SafetensorsFile.Read(path);
        CheckHeader(file);
        CheckSettings(file);
        var tensors = file.LoadAll();
        var counted = Verified(file, tensors);
        if (!RunIdentity.IsSame(Find(file, tensors, "probe"), probe))
            throw Other("the weights that the model starts from, or how it makes them, are not the same (its seed, its fixed or its pretrained weights)");

        var copies = Changing(loss, lastGood).Concat(optimizer.Tensors)
            .Select(pair => (To: pair.Tensor, From: Like(file, tensors, pair.Name, pair.Tensor))).ToArray();
        var captured = counted.HasBest
            ? model.Changing.Select((tensor, index) => Like(file, tensors, BestName(index), tensor)).ToArray()
            : [];
        foreach (var (to, from) in copies)
            to.copy_(from);
        optimizer.Counts = counted.OptimizerCounts;
        best.Take(counted.Best, captured);
        run.History.AddRange(counted.History);
        run.StepMilliseconds.AddRange(Find(file, tensors, "step_milliseconds").data<double>());
        (run.Step, run.StoppedEarly, run.PeakMemoryBytes) = (counted.Step, counted.StoppedEarly, counted.PeakMemoryBytes);
    }

    public void Dispose() => probe.Dispose();

    /// <summary>All tensors that steps change, the optimiser's own apart.</summary>
    private IEnumerable<(string Name, Tensor Tensor)> Changing(StepLoss loss, LastGoodState lastGood) =>
    [
        .. model.TrainableNames.Zip(model.Trainables, (name, tensor) => ($"trained.{name}", (Tensor)tensor)),
        .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, tensor) => (AdapterFile.BufferPrefix + buffer.Name, tensor)),
        .. loss.Raw is { } raw ? new (string, Tensor)[] { ("coefficients", raw) } : [],
        .. lastGood.Values.Select((tensor, index) => (FormattableString.Invariant($"last_good.{index}"), tensor)),
    ];

    private static string BestName(int index) => FormattableString.Invariant($"best.{index}");

    private void CheckHeader(SafetensorsFile file)
    {
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw new CheckpointFormatException(path, $"is not the file of a training run: its metadata does not name the format '{Format}'.");
        var version = file.Metadata.GetValueOrDefault("format_version", "missing");
        if (version != Version)
            throw new CheckpointFormatException(
                path, $"is the file of a training run in another version: its format version is {version}; this library reads version {Version}.");
    }

    private void CheckSettings(SafetensorsFile file)
    {
        var there = Parse<Dictionary<string, string>>(file, "settings");
        foreach (var (name, here) in settings)
            if (there.GetValueOrDefault(name) != here)
                throw Other($"the {name} is {there.GetValueOrDefault(name, "not named")} there and {here} here");
    }

    private Counted Verified(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var digest = Digest(
            [.. tensors.Select(pair => (pair.Key, pair.Value))], file.Metadata["settings"], file.Metadata.GetValueOrDefault("counted", ""));
        if (digest != file.Metadata.GetValueOrDefault("sha256"))
            throw new CheckpointFormatException(path, "is damaged: its content does not have the SHA-256 that it was written with.");
        return Parse<Counted>(file, "counted");
    }

    private T Parse<T>(SafetensorsFile file, string key)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(file.Metadata.GetValueOrDefault(key, "null"), Json)
                ?? throw new CheckpointFormatException(path, $"is damaged: it has no '{key}'.");
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(path, $"is damaged in '{key}': {fault.Message}", fault);
        }
    }

    private Tensor Find(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors, string name) =>
        tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");

    private Tensor Like(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors, string name, Tensor place)
    {
        var found = Find(file, tensors, name);
        return found.dtype == place.dtype && found.shape.SequenceEqual(place.shape)
            ? found
            : throw new CheckpointFormatException(
                path, $"has '{name}' as {found.dtype}{ShapeText.Of(found.shape)}; this run needs {place.dtype}{ShapeText.Of(place.shape)}.");
    }

    private CheckpointFormatException Other(string what) => new(
        path, $"belongs to another run: {what}. Delete it, or name another file, to start anew.");

    private static string Digest(IReadOnlyList<(string Name, Tensor Tensor)> tensors, params string[] texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        foreach (var (name, tensor) in tensors.OrderBy(pair => pair.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            using var scope = NewDisposeScope();
            foreach (var part in TensorBytes.Parts(tensor.contiguous()))
                hash.AppendData(part.bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
