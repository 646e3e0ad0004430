using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a learnt token in front: (T, features) -> (T + 1, features).</summary>
    /// <param name="name">The layer's name, or null for "class_token1", "class_token2", ...</param>
    /// <exception cref="ArgumentException">The input has another number of dimensions.</exception>
    public TargetNetworkBuilder ClassToken(string? name = null) => Add(new ClassTokenLayer(name));
}

/// <summary>A learnt token before the others: (N, T, features) -> (N, T + 1, features). Its one weight bears the layer's name.</summary>
internal sealed class ClassTokenLayer(string? name) : Layer(name)
{
    public override string Kind => "ClassToken";

    public override string NamePrefix => "class_token";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewClassTokenLayer(at.Name);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        return [input[0] + 1, input[1]];
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("", [1, 1, input[1]], input[1])];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        cat([parameters[0].expand(input.shape[0], -1, -1), input], 1);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, ["weight"], parameters);
}
