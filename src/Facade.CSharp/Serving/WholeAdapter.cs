using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A mapped model, which generates all weights itself: of the base nothing is left.</summary>
internal sealed class WholeAdapter(MappedModel model) : HostedAdapter
{
    public override string? MergeFault => "generates every weight itself, so nothing of the base would be left";

    public override IReadOnlyList<Tensor> Weights(HostedBase at) => at.Target.Layout.Split(model.FlatWeights());

    public override NetworkState State(HostedBase at) => model.State.Copy();

    public override void Save(string path, StoredPrecision precision) => model.SaveAdapter(path, precision);

    public override void SaveFolder(string folder, StoredPrecision precision) => model.SaveAdapterFolder(folder, precision);

    public override void Dispose() => model.Dispose();
}
