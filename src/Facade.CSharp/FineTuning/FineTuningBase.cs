using System.Collections.Concurrent;
using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The weights that a fine-tuning starts from, held against a target: numbers that never change, and the names of the tensors that make up a
/// new head.
/// </summary>
internal sealed partial class FineTuningBase : IDisposable
{
    private readonly ConcurrentDictionary<string, string> hashes = new();
    private readonly Lazy<FrozenHash?> frozenHash;

    private FineTuningBase(TargetNetwork target, BaseValues values, NetworkState state, IReadOnlyList<string> head)
    {
        Target = target;
        Values = values;
        State = state;
        Head = head;
        BuffersHash = HashOf(target, state.Tensors);
        FormerBuffersHash = HashOf(target, state.Tensors, all: true);
        frozenHash = new(target.HashFrozen);
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

    /// <summary>What the parameters are that the owner of a module froze, read once; null where there are none.</summary>
    /// <exception cref="ObjectDisposedException">As for <see cref="TargetNetwork.Frozen"/>.</exception>
    public FrozenHash? FrozenHash => frozenHash.Value;

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
        RequireAgreement(target, pretrained);
        // From here on every tensor has the network's own name.
        using var renamed = ByFirstNames(target, pretrained);
        pretrained = renamed ?? pretrained;
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
            return new FileValues(
                [.. target.Parameters.Select(parameter => pretrained.StoredName(parameter.Name))],
                file.Hold(),
                head.ToDictionary(pair => pair.Key, pair => pair.Value.DetachFromDisposeScope()));
        var parts = target.Parameters.Select((parameter, index) => (head.GetValueOrDefault(index) ?? pretrained.Find(parameter.Name)!).reshape(-1));
        return new HeldValues(target.Layout, cat(parts.ToArray(), 0).to(device).contiguous());
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
        // The order of names is the order of files, whatever wrote them.
        return TensorBytes.HashOfBits(counted.OrderBy(pair => pair.Name, StringComparer.Ordinal));
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
                TensorBytes.Append(hash, parameter.Name, Values.Of(index));
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
}
