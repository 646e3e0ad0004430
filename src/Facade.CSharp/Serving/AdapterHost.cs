using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One base network and many adapters for it, of which one is active; others answer when they are asked by name. Every method may be called from any thread: a
/// prediction runs from its first layer to its last on the weights of one moment, while another thread swaps, merges or deletes.
/// A swap computes the new weights aside and then replaces one reference.
/// </summary>
/// <example>
/// <code>
/// using var host = new AdapterHost(target, pretrained);
/// host.Add("shoes", "shoes.safetensors");
/// host.SetActive("shoes");
/// using var scores = host.Predict(images);
/// </code>
/// </example>
public sealed partial class AdapterHost : IDisposable
{
    private readonly Lock gate = new();
    private readonly FineTuningBase original;
    private readonly Device device;
    private readonly Dictionary<string, HostedAdapter> adapters = new(StringComparer.Ordinal);
    private readonly Stack<(HostedAdapter Adapter, string Name, Tensor Before)> merged = new();
    private readonly ChangeCache changes;
    private readonly AsyncLocal<Scope?> disabled = new();
    private readonly LatestSnapshots latest = new();
    private Tensor theta;
    private WeightsSnapshot plain;
    private WeightsSnapshot current;
    private bool isDisposed;

    /// <summary>A host with no adapter yet.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">
    /// The base's weights, copied. A last layer of another shape is started anew; only adapters that bring their own head fit then.
    /// </param>
    /// <param name="device">Where the network runs; the CPU where none is given.</param>
    /// <exception cref="ArgumentException">The pretrained weights do not fit the target, or stay in their file.</exception>
    /// <exception cref="CheckpointFormatException">Their file has a tensor that the network needs in a type that holds no weights.</exception>
    /// <exception cref="ObjectDisposedException">The pretrained weights are disposed.</exception>
    public AdapterHost(TargetNetwork target, PretrainedWeights pretrained, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        pretrained.RequireAlive();
        this.device = device ?? CPU;
        original = FineTuningBase.Of(target, pretrained, null, 0, this.device);
        changes = new(target);
        theta = original.Flat;
        plain = PlainSnapshot();
        current = PlainSnapshot();
    }

    /// <summary>The network.</summary>
    public TargetNetwork Target => original.Target;

    /// <summary>The adapters' names, in no particular order.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (gate)
                return [.. adapters.Keys];
        }
    }

    /// <summary>The adapter that answers now; null for the base alone.</summary>
    public string? Active => Volatile.Read(ref current).Adapter;

    /// <summary>Of how many adapters the weights are kept now, the active one's besides.</summary>
    internal int Kept
    {
        get
        {
            lock (gate)
                return latest.Count;
        }
    }

    /// <summary>Adds an adapter from a file or folder, of a fine-tuned or a mapped model; the one that answers stays.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="path">The file, or the folder with adapter_config.json.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="ArgumentException">The name is blank or taken.</exception>
    /// <exception cref="CheckpointFormatException">It is damaged, or made for another network or other weights.</exception>
    /// <exception cref="IOException">It cannot be read; a <see cref="FileNotFoundException"/> where there is no such file.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void Add(string name, string path, ReadLimits? limits = null) => Read(name, path, limits, replaces: false);

    /// <summary>
    /// Adds an adapter from a file or folder, or puts it in the place of the one of that name: a prediction gets one or the other, whole, and if
    /// the name is active the new one is. Where the file is refused the old one stays.
    /// </summary>
    /// <param name="name">What to call it.</param>
    /// <param name="path">As for <see cref="Add(string, string, ReadLimits?)"/>.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    /// <exception cref="InvalidOperationException">
    /// The adapter of that name is merged into the base, or is a part of a combination; or it answers now, and the new one's running statistics
    /// differ from those that are merged.
    /// </exception>
    /// <exception cref="CheckpointFormatException">It is damaged, or made for another network or other weights.</exception>
    /// <exception cref="IOException">It cannot be read; a <see cref="FileNotFoundException"/> where there is no such file.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void Replace(string name, string path, ReadLimits? limits = null) => Read(name, path, limits, replaces: true);

    /// <summary>
    /// Adds a mapped model, trained from nothing, as an adapter that replaces every weight; the one that answers stays.
    /// </summary>
    /// <param name="name">What to call it.</param>
    /// <param name="model">A model of this network; its trained parameters are copied, its weights generated when it answers.</param>
    /// <exception cref="ArgumentException">The name is blank or taken, or the model is of another network, or of a module with other frozen parameters.</exception>
    /// <exception cref="CheckpointFormatException">It generates factors of low rank.</exception>
    /// <exception cref="InvalidOperationException">A trained parameter or a buffer of it is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The host or the model is disposed, or a target whose module has frozen parameters.</exception>
    public void Add(string name, MappedModel model)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(model);
        // First: with its factors it has other names and shapes than the base, which is not what is wrong with it.
        RequireWhole(model, "the model");
        var (ours, theirs) = (TargetIdentity.Of(Target.Name, Target.Layout), TargetIdentity.Of(model.Target.Name, model.Target.Layout));
        if (ours.Fingerprint != theirs.Fingerprint)
            throw new ArgumentException(
                $"The model generates '{theirs.Name}' with {theirs.Parameters} weights; names or shapes of '{ours.Name}', with {ours.Parameters}, differ.",
                nameof(model));
        if (!Target.HasBuffers(model.Target.Buffers))
            throw new ArgumentException(
                $"The model's network has the buffers {model.Target.BufferText}; '{Target.Name}' has {Target.BufferText}, and a host serves one network.",
                nameof(model));
        // They may be most of a network: those of the host's are read once.
        var frozen = ReferenceEquals(Target.Plain, model.Target.Plain) ? original.FrozenHash : model.Target.HashFrozen();
        if (FrozenHash.Differ(frozen, original.FrozenHash))
            throw new ArgumentException(
                $"The model's network has other frozen parameters than '{Target.Name}', and a host serves one network. Make both networks of modules "
                + "with the same ones, of the same values.",
                nameof(model));
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (trained, values) => (trained, (Tensor)values)));
        BufferChecks.RequireSound(model);
        Take(name, new WholeAdapter(model.CopyTo(device), frozen), () => { });
    }

    /// <summary>Adds a copy of what a model has trained; the one that answers stays.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="model">A model of this network, fine-tuned from the same weights.</param>
    /// <exception cref="ArgumentException">The name is blank or taken.</exception>
    /// <exception cref="CheckpointFormatException">
    /// It was fine-tuned from other weights, or is of another network or one with other buffers or frozen parameters.
    /// </exception>
    /// <exception cref="InvalidOperationException">A trained parameter or a buffer of it is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The host or the model is disposed, or a target whose module has frozen parameters.</exception>
    public void Add(string name, FineTunedModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var contents = AdapterContents.Of(model, bindToWeights: true);
        Take(name, new TunedAdapter(contents, original), () => contents.CheckWeights(original, isComplete: true));
    }

    /// <summary>Writes an adapter that was added, as one file.</summary>
    /// <param name="name">Which one.</param>
    /// <param name="path">The file, replaced where it exists.</param>
    /// <param name="precision">How it is stored; the adapter that was added keeps its own numbers.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">It is a combination, or a number of it is too large for the precision.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void Save(string name, string path, StoredPrecision precision = StoredPrecision.Single)
    {
        lock (gate)
            Find(name).Save(path, precision);
    }

    /// <summary>Writes an adapter that was added, as a folder with adapter_config.json and adapter_model.safetensors.</summary>
    /// <param name="name">Which one.</param>
    /// <param name="folder">The folder, made where there is none; the two files in it are replaced.</param>
    /// <param name="precision">As for <see cref="Save"/>.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">As for <see cref="Save"/>.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void SaveFolder(string name, string folder, StoredPrecision precision = StoredPrecision.Single)
    {
        lock (gate)
            Find(name).SaveFolder(folder, precision);
    }

    /// <summary>Lets an adapter answer from now on; predictions that are under way end with the weights they began with.</summary>
    /// <param name="name">Which one; null for the base alone.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">
    /// It is merged into the base already, or its own running statistics differ from those of an adapter that is.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void SetActive(string? name)
    {
        lock (gate)
            Serve(name);
    }

    /// <summary>
    /// Switches all adapters off for the caller's own flow of control, until the result is disposed, wherever that happens: its predictions, those by an adapter's name too,
    /// and the weights that it asks for come from the base (with what is merged into it). Other threads are not affected.
    /// </summary>
    /// <returns>What to dispose at the end of the scope.</returns>
    public IDisposable Disable()
    {
        // Scopes that are over are left out, or a long flow would keep all it ever opened.
        return disabled.Value = new Scope(disabled.Value?.Innermost);
    }

    /// <summary>Removes an adapter and frees its numbers.</summary>
    /// <param name="name">Which one.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">It answers now, is merged into the base, or is a part of a combination.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void Delete(string name)
    {
        lock (gate)
        {
            var adapter = Find(name);
            RefuseMerged(name);
            if (current.Adapter == name)
                throw new InvalidOperationException($"The adapter '{name}' answers now; let another one, or none, do so first.");
            RefusePart(name);
            adapters.Remove(name);
            latest.Remove(name);
            adapter.Dispose();
        }
    }

    /// <summary>The network's outputs for a batch, outside any gradient graph.</summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(Tensor input) => Predict(input, out _);

    /// <summary>The same, and which adapter answered.</summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <param name="adapter">The adapter whose weights were used from the first layer to the last; null for the base alone.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(Tensor input, out string? adapter)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Predict([input], out adapter);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape or a type is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(IReadOnlyList<Tensor> inputs) => Predict(inputs, out _);

    /// <summary>The same, and which adapter answered.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <param name="adapter">The adapter whose weights were used from the first layer to the last; null for the base alone.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape or a type is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(IReadOnlyList<Tensor> inputs, out string? adapter)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var snapshot = Hold();
        adapter = snapshot.Adapter;
        return Answer(snapshot, inputs);
    }

    /// <summary>Frees the native memory once the predictions under way have ended.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed)
                return;
            isDisposed = true;
            current.Release();
            plain.Release();
            latest.Clear();
            foreach (var adapter in adapters.Values)
                adapter.Dispose();
            foreach (var (_, _, before) in merged)
                before.Dispose();
            theta.Dispose();
            original.Dispose();
            changes.Dispose();
        }
    }
}
