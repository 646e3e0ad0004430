using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The weights that a fine-tuning starts from, put in order for a target: one flat vector that never changes, and the names of
/// the tensors that make up a new head.
/// </summary>
internal sealed class FineTuningBase : IDisposable
{
    private readonly ConcurrentDictionary<string, string> hashes = new();

    private FineTuningBase(TargetNetwork target, Tensor flat, NetworkState state, IReadOnlyList<string> head)
    {
        Target = target;
        Flat = flat.DetachFromDisposeScope();
        State = state;
        Head = head;
    }

    public TargetNetwork Target { get; }

    /// <summary>theta_pretrained, shape (P), on the model's device; a new head's part of it is the head's start.</summary>
    public Tensor Flat { get; private set; }

    /// <summary>The buffers, such as running means, on the model's device.</summary>
    public NetworkState State { get; }

    /// <summary>The tensors that were not taken from the pretrained weights, in the target's order.</summary>
    public IReadOnlyList<string> Head { get; }

    /// <summary>A new head, or the last layer that has a matrix where there is none; empty where there is no matrix.</summary>
    public IReadOnlyList<string> HeadOrLastLayer => Head.Count > 0
        ? Head
        : [.. Target.Layout.Layers.LastOrDefault(layer => layer.Entries.Any(entry => entry.Shape.Length > 1))?.Entries.Select(entry => entry.Name) ?? []];

    /// <summary>Takes what fits, starts the head anew, and refuses what neither fits nor is the head.</summary>
    /// <param name="target">The network to fine-tune.</param>
    /// <param name="pretrained">The weights.</param>
    /// <param name="newHead">Names or patterns of what to start anew; null for the last layer, where its shape differs.</param>
    /// <param name="seed">The seed of the new head.</param>
    /// <param name="device">Where the weights live.</param>
    public static FineTuningBase Of(
        TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string>? newHead, ulong seed, Device device)
    {
        var head = newHead is null ? ChangedHead(target, pretrained) : newHead.Count == 0 ? [] : LayerPatterns.Select(target, newHead, nameof(newHead));
        var needed = target.Parameters.Where(parameter => !head.Contains(parameter.Name));
        if (LowRankTarget.OtherForm(target.Name, needed, name => pretrained.Find(name)?.shape) is { } fault)
            throw new ArgumentException($"{pretrained.Source} {fault}", nameof(pretrained));
        foreach (var parameter in target.Parameters)
            if (!head.Contains(parameter.Name) && !Fits(pretrained, parameter))
                throw new ArgumentException(
                    $"{(pretrained.Find(parameter.Name) is { } other ? $"'{parameter.Name}' has the shape {ShapeText.Of(other.shape)} in" : $"There is no '{parameter.Name}' in")} "
                    + $"{pretrained.Source}; '{target.Name}' needs {parameter}. WithNewHead starts layers anew.",
                    nameof(pretrained));
        // The codes of another library's quantisation are no weights without their steps.
        if (needed.FirstOrDefault(parameter => !pretrained.Find(parameter.Name)!.is_floating_point()) is { } whole)
            throw new ArgumentException(
                $"'{whole.Name}' is {pretrained.Find(whole.Name)!.dtype} in {pretrained.Source}; weights are floats.", nameof(pretrained));
        foreach (var buffer in target.Buffers.Where(buffer => buffer.IsPersistent))
            if (!(pretrained.Find(buffer.Name) is { } values && values.shape.SequenceEqual(buffer.Shape)))
                throw new ArgumentException(
                    $"There is no buffer {buffer} in {pretrained.Source}; '{target.Name}' needs it.", nameof(pretrained));
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var start = head.Count == 0 ? [] : StartingWeights.Of(target, seed);
        var parts = target.Parameters.Select((parameter, index) =>
            (head.Contains(parameter.Name) ? start[index] : pretrained.Find(parameter.Name)!).reshape(-1));
        var state = target.CreateState(device);
        RequireSound(target, pretrained, head, state);
        foreach (var (name, values) in target.PersistentBuffers(state))
            values.copy_(pretrained.Find(name)!);
        return new(target, cat(parts.ToArray(), 0).to(device).contiguous(), state, head);
    }

    // A file may hold infinities, for masks; weights may not, and buffers only where the network starts with them.
    private static void RequireSound(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string> head, NetworkState start)
    {
        var bad = target.Parameters.Select(parameter => parameter.Name)
            .Where(name => !head.Contains(name) && !FiniteNumbers.AllIn(pretrained.Find(name)!))
            .Concat(target.PersistentBuffers(start)
                .Where(buffer => !FiniteNumbers.AllInOrAsIn(pretrained.Find(buffer.Name)!, buffer.Values)).Select(buffer => buffer.Name))
            .FirstOrDefault();
        if (bad is null)
            return;
        start.Dispose();
        throw new ArgumentException($"'{bad}' holds a number that is not finite in {pretrained.Source}.", nameof(pretrained));
    }

    /// <summary>SHA-256 over the names and bits of all tensors but some.</summary>
    public string WeightsHash(IReadOnlyList<string> except) => hashes.GetOrAdd(string.Join('\n', except), _ =>
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (parameter, weight) in Target.Parameters.Zip(Target.Layout.Split(Flat)))
            if (!except.Contains(parameter.Name))
            {
                hash.AppendData(Encoding.UTF8.GetBytes(parameter.Name + "\n"));
                foreach (var part in TensorBytes.Parts(weight.cpu().contiguous()))
                    hash.AppendData(part.bytes);
            }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    });

    /// <summary>Moves the weights along with their model; the buffers are the model's own by then.</summary>
    public void MoveTo(Device device)
    {
        using var noGradient = no_grad();
        Flat = Flat.to(device, disposeAfter: true).DetachFromDisposeScope();
    }

    public void Dispose()
    {
        Flat.Dispose();
        State.Dispose();
    }

    /// <summary>The last layer where the pretrained one has other shapes, as it does when the number of classes changes.</summary>
    private static IReadOnlyList<string> ChangedHead(TargetNetwork target, PretrainedWeights pretrained)
    {
        var entries = target.Layout.Layers[^1].Entries;
        var names = entries.Select(entry => entry.Name).ToArray();
        var last = target.Parameters.Where(parameter => names.Contains(parameter.Name)).ToArray();
        return last.All(parameter => pretrained.Find(parameter.Name) is not null) && !last.All(parameter => Fits(pretrained, parameter))
            ? names
            : [];
    }

    private static bool Fits(PretrainedWeights pretrained, ParameterSpecification parameter) =>
        pretrained.Find(parameter.Name) is { } tensor && tensor.shape.SequenceEqual(parameter.Shape);
}
