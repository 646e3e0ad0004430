using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a reshaping: (...) -> (shape), with as many numbers.</summary>
    /// <param name="shape">The shape of one sample, every size at least 1.</param>
    /// <exception cref="ArgumentException">A size is below 1, or the number of elements would change.</exception>
    public TargetNetworkBuilder Reshape(params long[] shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return Add(new ReshapeLayer([.. shape]));
    }
}

/// <summary>The same numbers in another shape: (N, ...) -> (N, shape).</summary>
internal sealed class ReshapeLayer(IReadOnlyList<long> shape) : Layer(null)
{
    public override string Kind => "Reshape";

    public override string NamePrefix => "reshape";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewReshapeLayer([.. shape]);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(shape.Count > 0 && shape.All(size => size >= 1), $"the shape is {ShapeText.Of(shape)}; every size must be at least 1.");
        Require(
            ShapeText.Product(shape) == ShapeText.Product(input),
            $"the shape {ShapeText.Of(shape)} holds {ShapeText.Product(shape)} numbers, the input {ShapeText.Product(input)}.");
        return shape;
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.reshape([input.shape[0], .. shape]);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Unflatten(1, [.. shape]) is var unflatten && input.Count > 1
            ? nn.Sequential(("flatten", nn.Flatten()), ("unflatten", unflatten))
            : unflatten;
}
