using MappingNets.Core;
using Microsoft.FSharp.Collections;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends x and body(x), one behind the other along the first dimension: (C, ...) -> (C + C_body, ...).</summary>
    /// <param name="body">Appends the body's layers to a builder that starts here.</param>
    /// <param name="name">The layer's name, null for "skip1", "skip2", ..., or "" for no level of its own in names.</param>
    /// <exception cref="ArgumentException">A layer is bad, or the body changes more than the first size.</exception>
    public TargetNetworkBuilder Concatenate(
        Func<TargetNetworkBuilder, TargetNetworkBuilder> body, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        return Add(new ConcatenationLayer(body(new(Shape)).Layers, name));
    }
}

/// <summary>A concatenating skip, as a U-Net has it: x and body(x) one behind the other along the channels.</summary>
internal sealed class ConcatenationLayer : CompositeLayer
{
    internal ConcatenationLayer(LayerSequence body, string? name)
        : base(name, body)
    {
    }

    public override string Kind => "Concatenation";

    public override string NamePrefix => "skip";

    private protected override IReadOnlyList<TargetLayer> JoinRules(IReadOnlyList<IReadOnlyList<TargetLayer>> parts) =>
        [TargetLayer.NewConcatenationLayer(ListModule.OfSeq(parts[0]))];

    private protected override IReadOnlyList<long> JoinShapes(IReadOnlyList<IReadOnlyList<long>> outputs)
    {
        Require(
            outputs[0].Skip(1).SequenceEqual(InputShape.Skip(1)),
            $"the body puts out {ShapeText.Of(outputs[0])}; beside the input {ShapeText.Of(InputShape)}, only the first size may differ.");
        return [InputShape[0] + outputs[0][0], .. InputShape.Skip(1)];
    }

    private protected override Tensor Join(IReadOnlyList<Func<Tensor, Tensor>> functions, Tensor input) =>
        cat([input, functions[0](input)], 1);
}
