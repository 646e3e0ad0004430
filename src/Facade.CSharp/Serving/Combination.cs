using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Several adapters at once: the base and a weighted sum of the changes that each makes to it.</summary>
internal sealed class Combination(string name, IReadOnlyList<(string Name, HostedAdapter Adapter, double Weight)> parts) : HostedAdapter
{
    public override IReadOnlyList<string> Parts => [.. parts.Select(part => part.Name)];

    public override bool HasOwnState => parts.Any(part => part.Adapter.HasOwnState);

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

    // The buffers of its parts are equal, those that are taken from the base those that this began with.
    public override NetworkState State(HostedBase at) => parts.Select(part => part.Adapter).OrderByDescending(adapter => adapter.HasOwnState).First().State(at);

    public override void Save(string path, StoredPrecision precision) => throw Unsaved();

    public override void SaveFolder(string folder, StoredPrecision precision) => throw Unsaved();

    public override void Dispose()
    {
    }

    /// <summary>Refuses parts whose buffers differ.</summary>
    /// <param name="at">The base with the buffers that it began with: a merge comes and goes, and the combination stays.</param>
    public void RequireEqualBuffers(HostedBase at)
    {
        foreach (var (other, adapter, _) in parts.Skip(1))
            RequireEqualBuffers(at, (parts[0].Name, parts[0].Adapter), (other, adapter));
    }

    private InvalidOperationException Unsaved() => new(
        $"'{name}' is a combination of '{string.Join("', '", Parts)}'; save these, and combine them again where they are loaded.");
}
