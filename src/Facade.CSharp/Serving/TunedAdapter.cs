using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A change of the base's weights.</summary>
/// <param name="contents">What was trained, which this object takes over; held against the base before the adapter answers.</param>
/// <param name="original">The host's base, without what is merged into it.</param>
internal sealed class TunedAdapter(AdapterContents contents, FineTuningBase original) : HostedAdapter
{
    private bool? hasOwnState;

    public override bool HasOwnState => hasOwnState ??= FineTuningBase.HashOf(original.Target, contents.Buffers) != original.BuffersHash;

    public override IReadOnlyList<Tensor> Weights(HostedBase at)
    {
        var configuration = contents.Configuration;
        var values = contents.Values.Select(value => value.to(at.Device)).ToArray();
        var weights = at.Changes.Of(configuration).Weights(BaseOf(at, configuration), values);
        return contents.Mask is { } mask
            ? [.. weights.Zip(at.Target.Layout.Split(mask.to(at.Device)), (weight, kept) => weight * kept)]
            : weights;
    }

    /// <summary>The buffers that its training moved; where it moved none, those of the base, with what is merged into it.</summary>
    public override NetworkState State(HostedBase at) =>
        HasOwnState ? new(at.Target.Buffers, [.. contents.Buffers.Select(buffer => buffer.to(at.Device, copy: true))]) : at.State();

    public override void Save(string path, StoredPrecision precision) => contents.Save(path, precision);

    public override void SaveFolder(string folder, StoredPrecision precision) => contents.SaveFolder(folder, precision);

    public override void Dispose() => contents.Dispose();

    /// <summary>The base, with a new head that the adapter moves but does not hold in its place.</summary>
    private static Tensor BaseOf(HostedBase at, FineTuningConfiguration configuration)
    {
        var moved = configuration.NewHead.Except(configuration.Head).ToArray();
        if (moved.Length == 0)
            return at.Theta;
        var start = StartingWeights.Of(at.Target, configuration.Seed);
        var parts = at.Target.Layout.Split(at.Theta);
        return at.Target.Layout.Join(at.Target.Parameters.Select((parameter, index) =>
            moved.Contains(parameter.Name) ? start[index].to(at.Device) : parts[index]));
    }
}
