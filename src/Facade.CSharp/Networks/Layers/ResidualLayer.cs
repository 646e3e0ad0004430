using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A residual skip: body(x) + x, or body(x) + shortcut(x), with or without a ReLU after it.</summary>
public sealed class ResidualLayer : CompositeLayer
{
    private readonly bool relu;

    internal ResidualLayer(LayerSequence body, LayerSequence? shortcut, bool relu, string? name)
        : base(name, body, shortcut ?? LayerSequence.Empty(body.Input)) => this.relu = relu;

    /// <inheritdoc/>
    public override string Kind => "Residual";

    /// <inheritdoc/>
    public override string NamePrefix => "residual";

    private protected override IReadOnlyList<long> JoinShapes(IReadOnlyList<IReadOnlyList<long>> outputs)
    {
        Require(
            outputs[0].SequenceEqual(outputs[1]),
            $"the body puts out {ShapeText.Of(outputs[0])}, the skip {ShapeText.Of(outputs[1])}; give a shortcut that makes them equal.");
        return outputs[0];
    }

    private protected override Tensor Join(IReadOnlyList<Func<Tensor, Tensor>> functions, Tensor input)
    {
        var sum = functions[0](input) + functions[1](input);
        return relu ? sum.relu() : sum;
    }
}

/// <summary>Adds residual skips to a target network.</summary>
public static class ResidualLayerExtensions
{
    /// <summary>Appends body(x) + x, or body(x) + shortcut(x).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="body">Appends the body's layers to a builder that starts here.</param>
    /// <param name="shortcut">Appends the skip's layers, where it changes the shape; null passes the input on as it is.</param>
    /// <param name="relu">Whether a ReLU follows the sum.</param>
    /// <param name="name">The layer's name, null for "residual1", "residual2", ..., or "" for no level of its own in names.</param>
    /// <exception cref="ArgumentException">A layer is bad, or the two shapes differ.</exception>
    public static TargetNetworkBuilder Residual(
        this TargetNetworkBuilder builder,
        Func<TargetNetworkBuilder, TargetNetworkBuilder> body,
        Func<TargetNetworkBuilder, TargetNetworkBuilder>? shortcut = null,
        bool relu = false,
        string? name = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        return builder.Add(new ResidualLayer(
            body(new(builder.Shape)).Layers, shortcut?.Invoke(new(builder.Shape)).Layers, relu, name));
    }
}
