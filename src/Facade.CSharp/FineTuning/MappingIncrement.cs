using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>theta = theta_pretrained + g(z), with g(0) = 0.</summary>
internal sealed class MappingIncrement(Mapping mapping) : Increment
{
    private bool HasScales => mapping.Specification.TrainableScale;

    public override string Method => "finetune-mapping";

    public override string FixedWeightsName => AdapterDescription.NameOf(mapping.Specification.FixedWeights);

    public override IReadOnlyList<(string Name, long[] Shape)> Values =>
        HasScales
            ? [("latent", [mapping.LatentCount]), ("scales", [mapping.Layout.Entries.Length])]
            : [("latent", [mapping.LatentCount])];

    public override IReadOnlyList<Tensor> Start() =>
        HasScales ? [mapping.InitialLatent(), ones(mapping.Layout.Entries.Length)] : [mapping.InitialLatent()];

    public override IReadOnlyList<Tensor> Weights(Tensor pretrained, IReadOnlyList<Tensor> values) =>
        mapping.Layout.Split(HasScales
            ? pretrained + mapping.Generate(values[0], values[1])
            : Core.FineTuning.onTopOf(mapping, pretrained, values[0]));

    public override void Dispose() => ((IDisposable)mapping).Dispose();
}
