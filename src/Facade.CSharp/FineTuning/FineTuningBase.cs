using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The weights that a fine-tuning starts from, held against a target: numbers that never change, and the names of the tensors that make up a
/// new head.
/// </summary>
internal sealed class FineTuningBase : IDisposable
{
    private readonly ConcurrentDictionary<string, string> hashes = new();

    private FineTuningBase(TargetNetwork target, BaseValues values, NetworkState state, IReadOnlyList<string> head)
    {
        Target = target;
        Values = values;
        State = state;
        Head = head;
        BuffersHash = HashOf(target, state.Tensors);
        FormerBuffersHash = HashOf(target, state.Tensors, all: true);
    }

    public TargetNetwork Target { get; }

    /// <summary>theta_pretrained, on the model's device; a new head's part of it is the head's start.</summary>
    public BaseValues Values { get; }

    /// <summary>theta_pretrained, shape (P); of a base in a file a copy of all of it in the caller's dispose scope.</summary>
    public Tensor Flat => Values.Flat;

    /// <summary>The buffers, such as running means, on the model's device.</summary>
    public NetworkState State { get; }

    /// <summary>SHA-256 over the names and bits of the persistent buffers before any training; null where there are none.</summary>
    public string? BuffersHash { get; }

    /// <summary>The same over all buffers, a dropout's place among them, as earlier builds wrote it.</summary>
    public string? FormerBuffersHash { get; }

    /// <summary>The tensors that were not taken from the pretrained weights, in the target's order.</summary>
    public IReadOnlyList<string> Head { get; }

    /// <summary>A new head, or the last layer that has a matrix where there is none; empty where there is no matrix.</summary>
    public IReadOnlyList<string> HeadOrLastLayer => Head.Count > 0
        ? Head
        : [.. Target.Layout.Layers.LastOrDefault(layer => layer.Entries.Any(entry => entry.Shape.Length > 1))?.Entries.Select(entry => entry.Name) ?? []];

    /// <summary>Takes what fits, starts the head anew, and refuses what neither fits nor is the head.</summary>
    /// <param name="target">The network to fine-tune.</param>
    /// <param name="pretrained">The weights; those that stay in their file only where the weights are streamed.</param>
    /// <param name="newHead">Names or patterns of what to start anew; null for the last layer, where its shape differs.</param>
    /// <param name="seed">The seed of the new head.</param>
    /// <param name="device">Where the weights live.</param>
    /// <param name="streamed">Whether the weights are to be taken layer by layer.</param>
    public static FineTuningBase Of(
        TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string>? newHead, ulong seed, Device device, bool streamed = false)
    {
        if (!streamed)
            pretrained.RequireInMemory();
        var head = newHead is null ? ChangedHead(target, pretrained) : newHead.Count == 0 ? [] : LayerPatterns.Select(target, newHead, nameof(newHead));
        RequireFit(target, pretrained, head);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var state = target.CreateState(device);
        try
        {
            RequireSound(target, pretrained, head, state);
            foreach (var (name, values) in target.PersistentBuffers(state))
                values.copy_(pretrained.Load(name));
            var start = target.Parameters.Index().Where(pair => head.Contains(pair.Item.Name))
                .ToDictionary(pair => pair.Index, pair => StartingWeights.Of(target, seed, pair.Index));
            return new(target, ValuesOf(target, pretrained, start, streamed ? CPU : device), state, head);
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    private static BaseValues ValuesOf(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyDictionary<int, Tensor> head, Device device)
    {
        if (pretrained.File is { } file)
            return new FileValues(target.Layout, file.Hold(), head.ToDictionary(pair => pair.Key, pair => pair.Value.DetachFromDisposeScope()));
        var parts = target.Parameters.Select((parameter, index) => (head.GetValueOrDefault(index) ?? pretrained.Find(parameter.Name)!).reshape(-1));
        return new HeldValues(target.Layout, cat(parts.ToArray(), 0).to(device).contiguous());
    }

    private static void RequireFit(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string> head)
    {
        ParameterSpecification[] needed = [.. target.Parameters.Where(parameter => !head.Contains(parameter.Name))];
        if (LowRankTarget.OtherForm(target.Name, needed, name => pretrained.Describe(name)?.Shape) is { } fault)
            throw new ArgumentException($"{pretrained.Source} {fault}", nameof(pretrained));
        foreach (var parameter in needed)
            if (!Fits(pretrained, parameter))
                throw new ArgumentException(
                    $"{(pretrained.Describe(parameter.Name) is { } other ? $"'{parameter.Name}' has the shape {ShapeText.Of(other.Shape)} in" : $"There is no '{parameter.Name}' in")} "
                    + $"{pretrained.Source}; '{target.Name}' needs {parameter}. WithNewHead starts layers anew.",
                    nameof(pretrained));
        // The codes of another library's quantisation are no weights without their steps.
        foreach (var parameter in needed)
            if (pretrained.Describe(parameter.Name)!.Value.Type is var type && !FloatTypes.Contains(type))
                throw new ArgumentException($"'{parameter.Name}' is {type} in {pretrained.Source}; weights are floats.", nameof(pretrained));
        if (pretrained.File is { } file && needed.FirstOrDefault(parameter => file.MissingOf(parameter.Name) is not null) is { } unread)
            throw new ArgumentException(
                $"'{unread.Name}' cannot be read layer by layer from {pretrained.Source}: {file.MissingOf(unread.Name)}; it must be F32, F16 or BF16, or int8 or int4 as Model.Export writes them. "
                + "PretrainedWeights.FromFile reads the whole file into memory.",
                nameof(pretrained));
        foreach (var buffer in target.Buffers.Where(buffer => buffer.IsPersistent))
            if (!(pretrained.Describe(buffer.Name) is { } values && values.Shape.SequenceEqual(buffer.Shape)))
                throw new ArgumentException(
                    $"There is no buffer {buffer} in {pretrained.Source}; '{target.Name}' needs it.", nameof(pretrained));
    }

    // A file may hold infinities, for masks; weights may not, and buffers only where the network starts with them.
    private static void RequireSound(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string> head, NetworkState start)
    {
        var bad = target.Parameters.Select(parameter => parameter.Name)
            .Where(name => !head.Contains(name) && !pretrained.IsFinite(name))
            .Concat(target.PersistentBuffers(start)
                .Where(buffer => !FiniteNumbers.AllInOrAsIn(pretrained.Load(buffer.Name), buffer.Values)).Select(buffer => buffer.Name))
            .FirstOrDefault();
        if (bad is not null)
            throw new ArgumentException($"'{bad}' holds a number that is not finite in {pretrained.Source}.", nameof(pretrained));
    }

    /// <summary>SHA-256 over the names and bits of buffers, by name; null where there are none.</summary>
    /// <param name="target">The network.</param>
    /// <param name="buffers">Its buffers, in its order.</param>
    /// <param name="all">Whether those count that are not persistent, which no file of weights has.</param>
    public static string? HashOf(TargetNetwork target, IReadOnlyList<Tensor> buffers, bool all = false)
    {
        (string Name, Tensor Values)[] counted =
            [.. target.Buffers.Zip(buffers).Where(pair => all || pair.First.IsPersistent).Select(pair => (pair.First.Name, pair.Second))];
        if (counted.Length == 0)
            return null;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // The order of names is the order of files, whatever wrote them.
        foreach (var (name, values) in counted.OrderBy(pair => pair.Name, StringComparer.Ordinal))
            Append(hash, name, values);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>SHA-256 over the names and bits of all tensors but some.</summary>
    public string WeightsHash(IReadOnlyList<string> except) => hashes.GetOrAdd(string.Join('\n', except), _ =>
    {
        using var noGradient = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (index, parameter) in Target.Parameters.Index())
            if (!except.Contains(parameter.Name))
            {
                using var scope = NewDisposeScope();
                Append(hash, parameter.Name, Values.Of(index));
            }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    });

    /// <summary>Moves the weights along with their model; the buffers are the model's own by then.</summary>
    public void MoveTo(Device device) => Values.MoveTo(device);

    public void Dispose()
    {
        Values.Dispose();
        State.Dispose();
    }

    private static void Append(IncrementalHash hash, string name, Tensor values)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(name + "\n"));
        foreach (var part in TensorBytes.Parts(values.cpu().contiguous()))
            hash.AppendData(part.bytes);
    }

    /// <summary>The last layer where the pretrained one has other shapes, as it does when the number of classes changes.</summary>
    private static IReadOnlyList<string> ChangedHead(TargetNetwork target, PretrainedWeights pretrained)
    {
        var entries = target.Layout.Layers[^1].Entries;
        var names = entries.Select(entry => entry.Name).ToArray();
        var last = target.Parameters.Where(parameter => names.Contains(parameter.Name)).ToArray();
        return last.All(parameter => pretrained.Describe(parameter.Name) is not null) && !last.All(parameter => Fits(pretrained, parameter))
            ? names
            : [];
    }

    private static bool Fits(PretrainedWeights pretrained, ParameterSpecification parameter) =>
        pretrained.Describe(parameter.Name) is { } tensor && tensor.Shape.SequenceEqual(parameter.Shape);
}
