using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The same numbers in another shape: (N, ...) -> (N, shape).</summary>
public sealed class ReshapeLayer : Layer
{
    /// <summary>Describes a reshaping.</summary>
    /// <param name="shape">The shape of one sample, every size at least 1.</param>
    /// <param name="name">The layer's name, or null for "reshape1", "reshape2", ...</param>
    public ReshapeLayer(IReadOnlyList<long> shape, string? name = null)
        : base(name) => Shape = [.. shape];

    /// <summary>The shape of one sample.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <inheritdoc/>
    public override string Kind => "Reshape";

    /// <inheritdoc/>
    public override string NamePrefix => "reshape";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Shape.Count > 0 && Shape.All(size => size >= 1), $"the shape is {ShapeText.Of(Shape)}; every size must be at least 1.");
        Require(
            ShapeText.Product(Shape) == ShapeText.Product(input),
            $"the shape {ShapeText.Of(Shape)} holds {ShapeText.Product(Shape)} numbers, the input {ShapeText.Product(input)}.");
        return Shape;
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.reshape([input.shape[0], .. Shape]);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Unflatten(1, [.. Shape]) is var unflatten && input.Count > 1
            ? nn.Sequential(("flatten", nn.Flatten()), ("unflatten", unflatten))
            : unflatten;
}

/// <summary>Adds reshapings to a target network.</summary>
public static class ReshapeLayerExtensions
{
    /// <summary>Appends a reshaping: (...) -> (shape), with as many numbers.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="shape">The shape of one sample, every size at least 1.</param>
    /// <exception cref="ArgumentException">A size is below 1, or the number of elements would change.</exception>
    public static TargetNetworkBuilder Reshape(this TargetNetworkBuilder builder, params long[] shape) =>
        builder.Add(new ReshapeLayer(shape));
}
