using MappingNets.Core;
using Microsoft.FSharp.Collections;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends body(x) + x, or body(x) + shortcut(x).</summary>
    /// <param name="body">Appends the body's layers to a builder that starts here.</param>
    /// <param name="shortcut">Appends the skip's layers, where it changes the shape; null passes the input on as it is. Its automatic names step over those of the body's layers with weights.</param>
    /// <param name="relu">Whether a ReLU follows the sum.</param>
    /// <param name="name">The layer's name, null for "residual1", "residual2", ..., or "" for no level of its own in names.</param>
    /// <exception cref="ArgumentException">A layer is bad, or the two shapes differ.</exception>
    public TargetNetworkBuilder Residual(
        Func<TargetNetworkBuilder, TargetNetworkBuilder> body,
        Func<TargetNetworkBuilder, TargetNetworkBuilder>? shortcut = null,
        bool relu = false,
        string? name = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        var layers = body(new(Shape)).Layers;
        return Add(new ResidualLayer(layers, shortcut?.Invoke(new(Shape, beside: layers)).Layers, relu, name));
    }
}

/// <summary>A residual skip: body(x) + x, or body(x) + shortcut(x), with or without a ReLU after it.</summary>
internal sealed class ResidualLayer : CompositeLayer
{
    private readonly bool relu;

    internal ResidualLayer(LayerSequence body, LayerSequence? shortcut, bool relu, string? name)
        : base(name, body, shortcut ?? LayerSequence.Empty(body.Input)) => this.relu = relu;

    /// <summary>Whether the sum goes through a ReLU.</summary>
    internal bool EndsInReLU => relu;

    public override string Kind => "Residual";

    public override string Settings => relu ? "with ReLU" : "";

    public override string NamePrefix => "residual";

    private protected override bool EndsInFunction => relu;

    private protected override IReadOnlyList<TargetLayer> JoinRules(IReadOnlyList<IReadOnlyList<TargetLayer>> parts)
    {
        var sum = TargetLayer.NewResidualLayer(ListModule.OfSeq(parts[0]), ListModule.OfSeq(parts[1]));
        return relu ? [sum, TargetLayer.ReLULayer] : [sum];
    }

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
