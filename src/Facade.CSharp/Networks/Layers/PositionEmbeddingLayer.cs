using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a learnt vector for each place, added: (T, features) -> the same shape.</summary>
    /// <param name="name">The layer's name, or null for "pos_embedding1", "pos_embedding2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public TargetNetworkBuilder PositionEmbedding(string? name = null) => Add(new PositionEmbeddingLayer(name));
}

/// <summary>A learnt vector added to each place of a sequence: any shape -> the same shape. Its one weight bears the layer's name.</summary>
internal sealed class PositionEmbeddingLayer(string? name) : Layer(name)
{
    public override string Kind => "PositionEmbedding";

    public override string NamePrefix => "pos_embedding";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewPositionEmbeddingLayer(at.Name);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return input;
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("", [1, .. input], input[1])];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        input + parameters[0];

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, ["weight"], parameters);
}
