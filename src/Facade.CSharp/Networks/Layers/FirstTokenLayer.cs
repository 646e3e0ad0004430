using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends the choice of the first token: (T, features) -> (features).</summary>
    /// <param name="name">The layer's name, or null for "first1", "first2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public TargetNetworkBuilder FirstToken(string? name = null) => Add(new FirstTokenLayer(name));
}

/// <summary>The first of a sequence: (N, T, features) -> (N, features).</summary>
internal sealed class FirstTokenLayer(string? name) : Layer(name)
{
    public override string Kind => "FirstToken";

    public override string NamePrefix => "first";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.FirstTokenLayer;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return [input[1]];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input.select(1, 0);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [], parameters);
}
