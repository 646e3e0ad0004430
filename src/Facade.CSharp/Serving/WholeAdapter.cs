using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A mapped model, which generates all weights itself: of the base nothing is left.</summary>
/// <param name="model">The model, which this object takes over.</param>
/// <param name="frozen">What it was trained beside, which its files name; its own target may be gone by then.</param>
internal sealed class WholeAdapter(MappedModel model, FrozenHash? frozen) : HostedAdapter
{
    public override string? MergeFault => "generates every weight itself, so nothing of the base would be left";

    public override bool HasOwnState => true;

    public override IReadOnlyList<Tensor> Weights(HostedBase at) => at.Target.Layout.Split(model.FlatWeights());

    public override NetworkState State(HostedBase at) => model.State.Copy();

    public override void Save(string path, StoredPrecision precision) => MappedAdapter.Save(model, path, precision, frozen);

    public override void SaveFolder(string folder, StoredPrecision precision) => MappedAdapter.SaveFolder(model, folder, precision, frozen);

    public override void Dispose() => model.Dispose();
}
