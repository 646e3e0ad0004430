using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The network's buffers while several workers train it. Each part moves running statistics of its own, from where the epoch began; after
/// the epoch all take the mean over the parts, in their order. Counters of passes, which decide the masks of dropout, stand where one
/// process would have them that computes all parts one after the other. Between steps the model holds the buffers of the epoch's start.
/// </summary>
/// <param name="state">The network's buffers.</param>
/// <param name="moves">Whether passes of training move any; with frozen statistics they do not, and all stay as they are.</param>
internal sealed class PartBuffers(NetworkState state, bool moves) : IDisposable
{
    private const string BatchCount = "num_batches_tracked";

    private readonly IReadOnlyList<Tensor> live = moves ? state.Tensors : [];
    private readonly Dictionary<int, Tensor[]> ofParts = [];
    private Tensor[] start = [];

    /// <summary>Takes the buffers as they are now for the start of an epoch.</summary>
    public void Begin()
    {
        Dispose();
        start = Copies();
    }

    /// <summary>Puts a part's buffers into the model.</summary>
    /// <param name="part">The part.</param>
    /// <param name="passes">How many parts of the epoch come before this one of this step.</param>
    public void Enter(int part, long passes)
    {
        if (live.Count == 0)
            return;
        Put(ofParts.GetValueOrDefault(part, start), passes);
    }

    /// <summary>Keeps what the part's pass has moved.</summary>
    /// <exception cref="NotSupportedException">It has moved a buffer that is neither a statistic nor a counter; the epoch's start is put back.</exception>
    public void Leave(int part)
    {
        if (live.Count == 0)
            return;
        RequireTheOthersStay();
        Free(part);
        ofParts[part] = Copies();
    }

    /// <summary>Puts the epoch's start back.</summary>
    public void Reset() => Put(start, passes: 0);

    /// <summary>How many bytes the statistics of a part have that has moved them; 0 where none move.</summary>
    /// <param name="state">The network's buffers.</param>
    /// <param name="moves">Whether passes of training move any.</param>
    public static long BytesOf(NetworkState state, bool moves) => moves ? FlatTensors.BytesOf(state.Tensors.Where(IsStatistic)) : 0;

    /// <summary>A part's floating buffers; empty where no pass here has moved them in this epoch.</summary>
    public byte[] StatisticsOf(int part) =>
        ofParts.TryGetValue(part, out var buffers) ? FlatTensors.Read([.. buffers.Where(IsStatistic)]) : [];

    /// <summary>Ends an epoch.</summary>
    /// <param name="mean">The mean of the parts' statistics; empty where there are none.</param>
    /// <param name="passes">How many parts the epoch had.</param>
    public void Finish(byte[] mean, long passes)
    {
        if (live.Count == 0)
            return;
        Put(start, passes);
        if (mean.Length > 0)
            FlatTensors.Write(mean, [.. live.Where(IsStatistic)]);
    }

    public void Dispose()
    {
        foreach (var part in ofParts.Keys.ToArray())
            Free(part);
        foreach (var buffer in start)
            buffer.Dispose();
        start = [];
    }

    private static bool IsStatistic(Tensor buffer) => buffer.is_floating_point();

    // What each pass moves by one. Any other whole number is the network's own, such as a constant that its function reads.
    private static bool IsCounter(BufferSpecification buffer) =>
        buffer.IsDropoutPlace
        || (buffer is { FollowsBatches: true, Type: ScalarType.Int64, Shape.Count: 0 } && buffer.Name[(buffer.Name.LastIndexOf('.') + 1)..] == BatchCount);

    // Numbers that have no mean: what other workers' parts would make of them is not known here.
    private void RequireTheOthersStay()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        for (var index = 0; index < live.Count; index++)
        {
            var buffer = state.Specifications[index];
            if (IsStatistic(live[index]) || IsCounter(buffer) || live[index].eq(start[index]).all().ToBoolean())
                continue;
            Reset();
            throw new NotSupportedException(
                $"A pass of training moves the buffer '{buffer.Name}' ({buffer.Type}), and several workers agree on buffers of floating-point numbers, on "
                + $"'{BatchCount}' of batch norms and on places of dropouts alone. Train with {nameof(Trainer)}, or keep it in floating-point numbers, of which "
                + "all take the mean over the parts.");
        }
    }

    // Counters always come from the epoch's start.
    private void Put(Tensor[] from, long passes)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        for (var index = 0; index < from.Length; index++)
            if (IsCounter(state.Specifications[index]))
                live[index].copy_(tensor(start[index].item<long>() + passes, device: CPU));
            else
                live[index].copy_(from[index]);
    }

    private Tensor[] Copies()
    {
        using var noGradient = no_grad();
        return [.. live.Select(buffer => buffer.clone().DetachFromDisposeScope())];
    }

    private void Free(int part)
    {
        if (ofParts.Remove(part, out var buffers))
            foreach (var buffer in buffers)
                buffer.Dispose();
    }
}
