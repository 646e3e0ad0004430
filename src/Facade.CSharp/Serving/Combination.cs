using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Several adapters at once: the base and a weighted sum of the changes that each makes to it.</summary>
internal sealed class Combination(string name, IReadOnlyList<(string Name, HostedAdapter Adapter, double Weight)> parts) : HostedAdapter
{
    public override IReadOnlyList<string> Parts => [.. parts.Select(part => part.Name)];

    public override IReadOnlyList<Tensor> Weights(HostedBase at)
    {
        var starts = at.Target.Layout.Split(at.Theta);
        Tensor[] sum = [.. starts.Select(start => start.clone())];
        foreach (var (_, adapter, weight) in parts)
        {
            using var one = NewDisposeScope();
            using var factor = ((float)weight).ToScalar();
            foreach (var ((total, start), changed) in sum.Zip(starts).Zip(adapter.Weights(at)))
                total.add_(changed.sub(start), factor);
        }

        return sum;
    }

    public override NetworkState State(HostedBase at) => parts[0].Adapter.State(at);

    public override void Save(string path, StoredPrecision precision) => throw Unsaved();

    public override void SaveFolder(string folder, StoredPrecision precision) => throw Unsaved();

    public override void Dispose()
    {
    }

    /// <summary>
    /// Refuses adapters whose buffers differ, such as running statistics, of which there is no weighted sum. Those that are not persistent,
    /// such as a dropout's place in its stream, count how long an adapter was trained and change no answer.
    /// </summary>
    public void RequireEqualBuffers(HostedBase at)
    {
        using var first = parts[0].Adapter.State(at);
        foreach (var (other, adapter, _) in parts.Skip(1))
        {
            using var state = adapter.State(at);
            for (var index = 0; index < first.Tensors.Count; index++)
                if (at.Target.Buffers[index].IsPersistent && !first.Tensors[index].equal(state.Tensors[index]).all().item<bool>())
                    throw new InvalidOperationException(
                        $"The adapters '{parts[0].Name}' and '{other}' differ in the buffer '{at.Target.Buffers[index].Name}', of which there is no weighted sum; train them with frozen statistics.");
        }
    }

    private InvalidOperationException Unsaved() => new(
        $"'{name}' is a combination of '{string.Join("', '", Parts)}'; save these, and combine them again where they are loaded.");
}
