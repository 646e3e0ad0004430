using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Memory for the weights of any one layer of a network, as long as those of the largest.</summary>
internal sealed class LayerBuffer : IDisposable
{
    /// <summary>Each tensor starts on a multiple of a cache line.</summary>
    private const long Alignment = 16;

    private readonly Tensor memory;
    private readonly Dictionary<int, Tensor[]> places = [];
    private nint? storage;

    /// <summary>Takes the memory.</summary>
    /// <param name="target">A network that takes its weights layer by layer.</param>
    /// <param name="device">Where.</param>
    public LayerBuffer(TargetNetwork target, Device device)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        IReadOnlyList<ParameterSpecification> Of((int First, int Count) layer) => [.. target.Parameters.Skip(layer.First).Take(layer.Count)];
        memory = empty(target.WeightsByLayer.Max(layer => Of(layer).Sum(parameter => RoundedUp(parameter.Count))), dtype: ScalarType.Float32, device: device)
            .DetachFromDisposeScope();
        foreach (var layer in target.WeightsByLayer)
            places.Add(layer.First, [.. Cut(Of(layer)).Select(place => place.DetachFromDisposeScope())]);
    }

    /// <summary>For how many weights there is room.</summary>
    public long Count => memory.numel();

    /// <summary>The tensors of a layer, which share the memory with those of all others.</summary>
    /// <param name="first">The place of the layer's first tensor among the network's.</param>
    public IReadOnlyList<Tensor> Places(int first) => places[first];

    /// <summary>Whether a tensor lies in this memory, as a view of a layer's weights does, and not in its own.</summary>
    public bool Holds(Tensor tensor) => TensorMemory.Of(tensor).Storage == (storage ??= TensorMemory.Of(memory).Storage);

    /// <summary>Another tensor on the same memory, with a history and a version of its own.</summary>
    public static Tensor SameMemory(Tensor place)
    {
        var tensor = empty(0, dtype: place.dtype, device: place.device);
        tensor.set_(place);
        return tensor;
    }

    public void Dispose()
    {
        foreach (var place in places.Values.SelectMany(layer => layer))
            place.Dispose();
        memory.Dispose();
    }

    private static long RoundedUp(long count) => (count + Alignment - 1) / Alignment * Alignment;

    private IEnumerable<Tensor> Cut(IEnumerable<ParameterSpecification> layer)
    {
        var at = 0L;
        foreach (var parameter in layer)
        {
            yield return SameMemory(memory.narrow(0, at, parameter.Count).view([.. parameter.Shape]));
            at += RoundedUp(parameter.Count);
        }
    }
}
