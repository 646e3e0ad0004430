using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a flattening: (...) -> (product).</summary>
    /// <param name="name">The layer's name, or null for "flatten1", "flatten2", ...</param>
    public TargetNetworkBuilder Flatten(string? name = null) =>
        Add(new FlattenLayer(name));
}

/// <summary>All of a sample in one row: (N, ...) -> (N, product).</summary>
internal sealed class FlattenLayer(string? name) : Layer(name)
{
    public override string Kind => "Flatten";

    public override string NamePrefix => "flatten";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.FlattenLayer;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => [ShapeText.Product(input)];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.flatten(1);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.Flatten();
}
