using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>theta = theta_pretrained + g(z), with g(0) = 0, for all weights or for those of some tensors.</summary>
/// <param name="mapping">g, of the layout of those tensors.</param>
/// <param name="places">Where the tensors stand among the target's; null for all weights.</param>
internal sealed class MappingIncrement(Mapping mapping, IReadOnlyList<int>? places) : Increment
{
    /// <summary>g.</summary>
    public Mapping Mapping => mapping;

    /// <summary>Where its tensors stand among the target's; null for all of them.</summary>
    public IReadOnlyList<int>? Places => places;

    private bool HasScales => mapping.Specification.TrainableScale;

    public override string Method => "finetune-mapping";

    public override string FixedWeightsName => AdapterDescription.NameOf(mapping.Specification.FixedWeights);

    public override IReadOnlyList<(string Name, long[] Shape)> Values =>
        HasScales
            ? [("latent", [mapping.LatentCount]), ("scales", [mapping.Layout.Entries.Length])]
            : [("latent", [mapping.LatentCount])];

    public override IReadOnlyList<Tensor> Start() =>
        HasScales ? [mapping.InitialLatent(), ones(mapping.Layout.Entries.Length, dtype: ScalarType.Float32, device: CPU)] : [mapping.InitialLatent()];

    public override Tensor OnTheta(Tensor theta, IReadOnlyList<Tensor> values) =>
        places is not null ? theta
        : HasScales ? theta + Generated(values)
        : Core.FineTuning.onTopOf(mapping, theta, values[0]);

    public override void OnTensors(Tensor[] weights, IReadOnlyList<Tensor> values)
    {
        if (places is null)
            return;
        foreach (var (place, change) in places.Zip(mapping.Layout.Split(Generated(values))))
            weights[place] = weights[place] + change;
    }

    public override IReadOnlyDictionary<int, TensorShift>? Shifts(IReadOnlyList<Tensor> values, out string missing)
    {
        var isCustom = mapping.Specification.Modulations.Any(modulation => modulation.IsCustomModulation);
        missing = isCustom ? $"nothing is known in closed form of the custom modulation '{mapping.Pieces[0].ModulationName}'" : "";
        return isCustom
            ? null
            : TensorShiftModule.ofMapping(mapping, values[0], HasScales ? values[1] : null).Index()
                .ToDictionary(pair => places?[pair.Index] ?? pair.Index, pair => pair.Item);
    }

    public override IEnumerable<(string Ending, IReadOnlyList<int> Moved)> Movers(int value) =>
        value > 0 || mapping.Pieces.Length == 1
            ? [("", Placed(Enumerable.Range(0, mapping.Layout.Entries.Length)))]
            : mapping.Pieces.Select(piece => ($" of {piece.Name}", Placed(piece.PlacesIn(mapping.Layout))));

    private IReadOnlyList<int> Placed(IEnumerable<int> own) => [.. own.Select(place => places?[place] ?? place)];

    public override void Dispose() => ((IDisposable)mapping).Dispose();

    private Tensor Generated(IReadOnlyList<Tensor> values) =>
        HasScales ? mapping.Generate(values[0], values[1]) : mapping.Generate(values[0]);
}
