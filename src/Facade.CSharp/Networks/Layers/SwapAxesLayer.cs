using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends the exchange of a sample's two axes: (a, b) -> (b, a). Behind a decoder's scores (tokens, classes) it puts the classes first, where
    /// losses and data sets with a label for each place expect them.
    /// </summary>
    /// <param name="name">The layer's name, or null for "swap1", "swap2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public TargetNetworkBuilder SwapAxes(string? name = null) => Add(new SwapAxesLayer(name));
}

/// <summary>A sample's two axes exchanged: (N, a, b) -> (N, b, a).</summary>
internal sealed class SwapAxesLayer(string? name) : Layer(name)
{
    public override string Kind => "SwapAxes";

    public override string NamePrefix => "swap";

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs a sample of two axes.");
        return [input[1], input[0]];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.transpose(1, 2);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [], parameters);
}
