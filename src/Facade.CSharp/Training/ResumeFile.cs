using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The state of a run after an epoch, in one safetensors file: what is trained and the buffers, what the optimiser remembers, the
/// coefficients of the loss, the best state, and what was counted. Written whole or not at all.
/// </summary>
internal sealed class ResumeFile : IDisposable
{
    private const string Format = AdapterHeader.RunFormat;
    private const string Version = "4";

    private static readonly JsonSerializerOptions Json = new(FileJson.Measured) { RespectNullableAnnotations = true };

    private readonly IRunStore store;
    private readonly string path;
    private readonly Model model;
    private readonly IReadOnlyDictionary<string, string> settings;
    private readonly Parts parts;
    private readonly Tensor probe;
    private readonly int pieceBytes;

    /// <summary>The file of a run whose model is still at its start.</summary>
    /// <param name="store">Where it lies.</param>
    /// <param name="model">The model.</param>
    /// <param name="settings">What the run is told apart by.</param>
    /// <param name="parts">What the file holds beside the model.</param>
    /// <param name="pieceBytes">In how many bytes each what the optimiser remembers is stored.</param>
    public ResumeFile(
        IRunStore store, Model model, IReadOnlyDictionary<string, string> settings, Parts parts, int pieceBytes = TensorStream.UsualPiece)
    {
        (this.store, path, this.model, this.settings, this.parts, this.pieceBytes) = (store, store.Name, model, settings, parts, pieceBytes);
        probe = RunIdentity.Probe(model).DetachFromDisposeScope();
    }

    /// <summary>What the file holds the state of, beside the model.</summary>
    internal sealed record Parts(
        RunState Run, StepLoss Loss, StepOptimizer Optimizer, BestState Best, StateAverage? Average, LastGoodState LastGood);

    /// <summary>What the file says beside its tensors.</summary>
    private sealed record Counted(
        long Step,
        bool StoppedEarly,
        long PeakMemoryBytes,
        long Averaged,
        BestState.Score Best,
        bool HasBest,
        IReadOnlyList<EpochResult> History);

    /// <summary>Writes the state after an epoch.</summary>
    /// <exception cref="IOException">The file cannot be written; what it held is intact.</exception>
    /// <exception cref="NotSupportedException">The optimiser cannot write down what it remembers.</exception>
    public void Save() => store.Keep(parts.Run.Step, Write);

    private void Write(Stream stream)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (run, best) = (parts.Run, parts.Best);
        var tensors = Changing().Concat(LastGood())
            .Concat(best.Captured.Select((tensor, index) => (BestName(index), tensor)))
            .Concat(OptimizerPieces())
            .Append(("step_milliseconds", tensor(run.StepTimes.Kept.ToArray(), device: CPU)))
            .Append(("probe", probe))
            .Select(pair => (pair.Item1, pair.Item2.detach().cpu())).ToArray();
        var counted = new Counted(
            run.Step,
            run.StoppedEarly,
            Math.Max(run.PeakMemoryBytes, TrainingRun.PeakMemoryBytes()),
            parts.Average?.Count ?? 0,
            best.Reached,
            best.Captured.Count > 0,
            run.History);
        var (settingsJson, countedJson) = (JsonSerializer.Serialize(settings, Json), JsonSerializer.Serialize(counted, Json));
        SafetensorsFile.Write(stream, tensors, new Dictionary<string, string>
        {
            ["format"] = Format,
            ["format_version"] = Version,
            ["settings"] = settingsJson,
            ["counted"] = countedJson,
            ["sha256"] = Digest(tensors, settingsJson, countedJson),
        });
    }

    /// <summary>Takes the state of the file, where there is one; everything is read and checked before the model changes.</summary>
    /// <param name="options">How the run goes on.</param>
    /// <param name="rates">The run's learning rates, still at their start.</param>
    /// <param name="stepsPerEpoch">How many steps an epoch has.</param>
    /// <exception cref="CheckpointFormatException">The file is damaged, no such file, or of another run.</exception>
    /// <exception cref="IOException">The run goes on, and its state cannot be written.</exception>
    public void Restore(TrainingOptions options, RateCourse rates, int stepsPerEpoch)
    {
        using var file = store.Open();
        if (file is null)
        {
            store.RequireWritable();
            return;
        }

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        CheckHeader(file);
        CheckSettings(file, options);
        var tensors = file.LoadAll();
        var counted = Verified(file, tensors);
        if (counted.History.Count > options.Epochs)
            throw Other($"it has {counted.History.Count} finished epochs, and the number of epochs is {options.Epochs} here");
        if (!RunIdentity.IsSame(OfType(file, tensors, "probe", probe.dtype), probe))
            throw Other("the weights that the model starts from, or how it makes them, are not the same (its seed, its fixed or its pretrained weights)");

        // Earlier builds kept none beside large buffers.
        var hasLastGood = tensors.ContainsKey(LastGoodName(0));
        var copies = Changing().Concat(hasLastGood ? LastGood() : [])
            .Select(pair => (To: pair.Tensor, From: Like(file, tensors, pair.Name, pair.Tensor))).ToArray();
        var captured = counted.HasBest
            ? model.Changing.Select((tensor, index) => Like(file, tensors, BestName(index), tensor)).ToArray()
            : [];
        var remembered = OptimizerPieces(file, tensors);
        var times = OfType(file, tensors, "step_milliseconds", ScalarType.Float64).data<double>().ToArray();
        // Patience that ran out in what was the last epoch ended nothing then; a run of more epochs would have ended there.
        var stoppedEarly = counted.StoppedEarly
            || (counted.History.Count < options.Epochs && counted.Best.EpochsWithoutGain >= options.EarlyStoppingPatience);
        // A finished run is put back from where nothing can be written, too.
        if (counted.History.Count < options.Epochs && !stoppedEarly)
            store.RequireWritable();
        rates.Repeat(counted.History, stepsPerEpoch);
        LoadOptimizer(remembered);
        foreach (var (to, from) in copies)
            to.copy_(from);
        if (!hasLastGood)
            parts.LastGood.Keep();
        parts.Best.Take(counted.Best, captured);
        if (parts.Average is { } average)
            average.Count = counted.Averaged;
        var run = parts.Run;
        run.History.AddRange(counted.History);
        run.StepTimes.Take(times, counted.Step);
        (run.Step, run.PeakMemoryBytes, run.StoppedEarly) = (counted.Step, counted.PeakMemoryBytes, stoppedEarly);
    }

    public void Dispose() => probe.Dispose();

    /// <summary>All tensors that steps change, those of the optimiser and of the last good state apart.</summary>
    private IEnumerable<(string Name, Tensor Tensor)> Changing() =>
    [
        .. model.TrainableNames.Zip(model.Trainables, (name, tensor) => ($"trained.{name}", (Tensor)tensor)),
        .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, tensor) => (StoredTensors.BufferPrefix + buffer.Name, tensor)),
        .. parts.Loss.Raw is { } raw ? new (string, Tensor)[] { ("coefficients", raw) } : [],
        .. (parts.Average?.Means ?? []).Select((tensor, index) => (FormattableString.Invariant($"average.{index}"), tensor)),
    ];

    private IEnumerable<(string Name, Tensor Tensor)> LastGood() => parts.LastGood.Values.Select((tensor, index) => (LastGoodName(index), tensor));

    private static string LastGoodName(int index) => FormattableString.Invariant($"last_good.{index}");

    private static string BestName(int index) => FormattableString.Invariant($"best.{index}");

    // Mostly one tensor.
    private static string OptimizerName(int index) => index == 0 ? "optimizer" : FormattableString.Invariant($"optimizer.{index}");

    private IEnumerable<(string Name, Tensor Tensor)> OptimizerPieces()
    {
        using var stream = new TensorStream(pieceBytes);
        parts.Optimizer.Save(stream);
        return [.. stream.Written().Select((tensor, index) => (OptimizerName(index), tensor))];
    }

    private Tensor[] OptimizerPieces(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var count = 1;
        while (tensors.ContainsKey(OptimizerName(count)))
            count++;
        return [.. Enumerable.Range(0, count).Select(index => OfType(file, tensors, OptimizerName(index), ScalarType.Byte))];
    }

    private void LoadOptimizer(IReadOnlyList<Tensor> saved)
    {
        try
        {
            using var stream = new TensorStream(saved);
            parts.Optimizer.Load(stream);
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointFormatException(path, $"does not hold what this run's optimiser remembers: {fault.Message}", fault);
        }
    }

    private void CheckHeader(SafetensorsFile file)
    {
        var format = file.Metadata.GetValueOrDefault("format", "none");
        if (format != Format)
            throw new CheckpointFormatException(
                path, $"is not the file of a training run: its metadata does not name the format '{Format}'.{AdapterHeader.Remedy(format)}");
        var version = file.Metadata.GetValueOrDefault("format_version", "missing");
        if (version is "1" or "2")
            throw new CheckpointFormatException(
                path, $"is the file of a training run in format version {version}; this library reads version {Version}. Since then the sums of "
                + "W^T g are added in another order, so that such a run cannot go on with the bits it would have had. Delete the file to start anew.");
        if (version == "3")
            throw new CheckpointFormatException(
                path, $"is the file of a training run in format version {version}; this library reads version {Version}. Since then the rule of a "
                + $"trained coefficient of the loss has a name, and that of {nameof(LossOptions)}.{nameof(LossOptions.Complete)} is another. Delete the file to start anew.");
        if (version != Version)
            throw new CheckpointFormatException(
                path, $"is the file of a training run in another version: its format version is {MessageText.Of(version)}; this library reads version {Version}.");
    }

    private void CheckSettings(SafetensorsFile file, TrainingOptions options)
    {
        var there = Parse<Dictionary<string, string>>(file, "settings");
        if (there.Values.Any(value => value is null))
            throw new CheckpointFormatException(path, "is damaged in 'settings': a value is null.");
        there.TryAdd(RunIdentity.Statistics, RunIdentity.MovingStatistics);
        RunIdentity.Complete(there, settings);
        foreach (var (name, here) in settings)
            if (there.GetValueOrDefault(name) != here && name != RunIdentity.Epochs)
                throw Other($"the {name} is {MessageText.Differing(there.GetValueOrDefault(name, "not named"), here)}");
        if (there.GetValueOrDefault(RunIdentity.Epochs) != settings[RunIdentity.Epochs] && options.LengthBound is { } bound)
            throw Other(
                $"the {RunIdentity.Epochs} is {There(RunIdentity.Epochs)} there and {settings[RunIdentity.Epochs]} here, and {bound}");

        string There(string name) => MessageText.Of(there.GetValueOrDefault(name, "not named"));
    }

    private Counted Verified(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var digest = Digest(
            [.. tensors.Select(pair => (pair.Key, pair.Value))], file.Metadata["settings"], file.Metadata.GetValueOrDefault("counted", ""));
        if (digest != file.Metadata.GetValueOrDefault("sha256"))
            throw new CheckpointFormatException(path, "is damaged: its content does not have the SHA-256 that it was written with.");
        var counted = Parse<Counted>(file, "counted");
        // What a file leaves out is null without being refused as such.
        return counted is { Best: not null, History: not null } && counted.History.All(epoch => epoch is { Terms: not null, Coefficients: not null })
            ? counted
            : throw new CheckpointFormatException(path, "is damaged in 'counted': the best result, the history or an epoch of it is missing.");
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
            throw new CheckpointFormatException(path, $"is damaged in '{key}': {MessageText.Of(fault.Message)}", fault);
        }
    }

    private Tensor Find(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors, string name) =>
        tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}'.");

    private Tensor OfType(SafetensorsFile file, IReadOnlyDictionary<string, Tensor> tensors, string name, ScalarType type)
    {
        var found = Find(file, tensors, name);
        return found.dtype == type
            ? found
            : throw new CheckpointFormatException(path, $"has '{name}' as {found.dtype}{ShapeText.Of(found.shape)}; this run needs {type}.");
    }

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
            TensorBytes.Append(hash, tensor);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
