using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>W_c (1 + o_c) for each channel c of some matrices, with o = g(z) and g(0) = 0.</summary>
/// <param name="gates">g, with a vector of channels for each matrix.</param>
/// <param name="places">Where the matrices stand among the target's tensors.</param>
internal sealed class GateIncrement(Mapping gates, IReadOnlyList<int> places) : Increment
{
    /// <summary>The vectors of gates: one number for each entry of a matrix's first dimension.</summary>
    /// <param name="target">The network.</param>
    /// <param name="matrices">The names of the matrices, in the target's order.</param>
    public static ParameterLayout LayoutOf(TargetNetwork target, IReadOnlyList<string> matrices) => ParameterLayoutModule.create(
        matrices.Select(name => Tuple.Create(name, new[] { target.Layout.Find(name).Shape[0] }, 1L)));

    public override string Method => "gates";

    public override string FixedWeightsName => AdapterDescription.NameOf(gates.Specification.FixedWeights);

    public override IReadOnlyList<(string Name, long[] Shape)> Values => [("latent", [gates.LatentCount])];

    public override IReadOnlyList<Tensor> Start() => [gates.InitialLatent()];

    public override void OnTensors(Tensor[] weights, IReadOnlyList<Tensor> values)
    {
        foreach (var (place, gate) in places.Zip(gates.Layout.Split(gates.Generate(values[0]))))
        {
            var weight = weights[place];
            // W + W o and not W (1 + o): the pretrained weights keep their bits where o is 0.
            weights[place] = weight + (weight * gate.view([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]));
        }
    }

    public override IReadOnlyDictionary<int, TensorShift>? Shifts(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "no bound is known of how far gates move the weights that they multiply";
        return null;
    }

    public override IEnumerable<(string Ending, IReadOnlyList<int> Moved)> Movers(int value) => [("", places)];

    public override void Dispose() => ((IDisposable)gates).Dispose();
}
