using MappingNets.Core;
using Microsoft.FSharp.Collections;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A network whose layers follow one another and each have a Lipschitz rule, with the pass that shows what reaches each.</summary>
internal sealed class LayerChain
{
    private readonly LayerSequence layers;

    private LayerChain(LayerSequence layers, TargetDescription description) => (this.layers, Description) = (layers, description);

    /// <summary>The network as the core's theory knows it.</summary>
    public TargetDescription Description { get; }

    /// <summary>The chain, or what stands in its way.</summary>
    public static LayerChain? Of(TargetNetwork target, LayerSequence layers, NetworkState state, out string missing) =>
        layers.Rules("", state.Tensors, out missing) is { } rules
            ? new(layers, new(target.Layout, [.. layers.Input], ListModule.OfSeq(rules)))
            : null;

    /// <summary>What each sample shows of the layers, in the order that <see cref="OutputShift"/> takes, one row a sample; and the outputs.</summary>
    /// <param name="input">(N, ...), of the weights' type or whole numbers.</param>
    /// <param name="weights">One tensor per parameter, in double precision.</param>
    /// <param name="state">The buffers, in double precision.</param>
    public (double[][] Shown, Tensor Outputs) Shown(Tensor input, IReadOnlyList<Tensor> weights, NetworkState state)
    {
        var seen = new Numbers();
        var outputs = layers.Forward(input, weights, state.Tensors, training: false, seen);
        return ([.. Enumerable.Range(0, (int)input.shape[0]).Select(sample => seen.Rows.Select(row => row[sample]).ToArray())], outputs);
    }

    private sealed class Numbers : LayerProbe
    {
        // The deviation is a difference of numbers that may be larger: what rounding may add to it, relative to the norm.
        private const double Rounding = 1e-12;

        public List<double[]> Rows { get; } = [];

        public override void Reaching(Layer layer, Tensor value)
        {
            Leaving(value);
            if (layer is LayerNormLayer)
                Rows.Add(LeastDeviations(value));
        }

        public override void Leaving(Tensor value)
        {
            using var scope = NewDisposeScope();
            Rows.Add(Values(value.flatten(1).to_type(ScalarType.Float64).norm(1)));
        }

        /// <summary>Of each sample the least root mean square deviation of a vector along the last dimension, never above the true one.</summary>
        private static double[] LeastDeviations(Tensor value)
        {
            using var scope = NewDisposeScope();
            var centred = value - value.mean([-1], keepdim: true);
            var deviations = centred.square().mean([-1]).sqrt().reshape(value.shape[0], -1).amin([1]);
            using var rounding = Rounding.ToScalar();
            using var zero = 0.ToScalar();
            return Values((deviations - value.flatten(1).norm(1).mul(rounding)).clamp_min(zero));
        }

        private static double[] Values(Tensor row) => row.cpu().data<double>().ToArray();
    }
}
