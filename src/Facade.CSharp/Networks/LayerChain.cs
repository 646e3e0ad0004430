using MappingNets.Core;
using Microsoft.FSharp.Collections;
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
    public static LayerChain? Of(TargetNetwork target, LayerSequence layers, out string missing)
    {
        missing = "";
        var rules = new List<TargetLayer>();
        foreach (var step in layers.Steps)
            if (step.Layer.Rule(step.Name) is { } rule)
                rules.Add(rule);
            else
                missing = $"the layer '{step.Name}' ({step.Layer.Kind}) has no Lipschitz rule";
        return missing.Length > 0
            ? null
            : new(layers, new(target.Layout, [.. layers.Input], ListModule.OfSeq(rules)));
    }

    /// <summary>The norm of what reaches each layer, one row a layer and one column a sample, and the outputs.</summary>
    /// <param name="input">(N, ...), of the weights' type.</param>
    /// <param name="weights">One tensor per parameter.</param>
    /// <param name="state">The buffers.</param>
    public (double[][] Norms, Tensor Outputs) Reaching(Tensor input, IReadOnlyList<Tensor> weights, NetworkState state)
    {
        var norms = new List<double[]>();
        var outputs = layers.Forward(input, weights, state.Tensors, training: false, value =>
            norms.Add(value.flatten(1).to_type(ScalarType.Float64).norm(1).cpu().data<double>().ToArray()));
        return ([.. norms], outputs);
    }
}
