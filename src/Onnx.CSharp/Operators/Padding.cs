using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Padding at both ends of any axis; a negative number cuts off.</summary>
internal static class Padding
{
    // Pads and value became inputs in opset 11, and in opset 18 the axes may be named.
    public static Tensor[] Pad(NodeRun run)
    {
        var input = run.Input(0);
        var rank = (int)input.dim();
        var asInputs = run.AreInputs(11, ("pads", 1), ("value", 2));
        var given = (asInputs ? run.OptionalInts(1) : run.Node.Ints("pads")) ?? throw run.Node.BadInput("it has no pads");
        var value = asInputs ? run.OptionalNumber(2) ?? 0 : run.Node.Float("value", 0);
        var axes = run.Node.Opset >= 18 && run.OptionalInts(3) is { } named
            ? named.Select(axis => run.Axis(axis, rank)).ToArray()
            : [.. Enumerable.Range(0, rank)];
        if (given.Length != 2 * axes.Length)
            throw run.Node.BadInput($"it has {given.Length} pads for {axes.Length} axes");
        run.Node.Within("pads", given, -GraphPass.MostElements);
        var (before, after) = (new long[rank], new long[rank]);
        for (var index = 0; index < axes.Length; index++)
            (before[axes[index]], after[axes[index]]) = (given[index], given[axes.Length + index]);
        run.Bounded([.. Enumerable.Range(0, rank).Select(axis => input.shape[axis] + before[axis] + after[axis])]);
        return [run.Node.Text("mode", "constant") switch
        {
            "constant" => nn.functional.pad(
                input, [.. Enumerable.Range(0, rank).Reverse().SelectMany(axis => new[] { before[axis], after[axis] })], PaddingModes.Constant, value),
            "reflect" => Mirrored(run, input, before, after, Reflected),
            "edge" => Mirrored(run, input, before, after, (places, size) => places.clamp_(0, size - 1)),
            "wrap" => Mirrored(run, input, before, after, (places, size) => places.remainder_(size)),
            var mode => throw run.Node.Fault($"the mode '{mode}' is not one of constant, reflect, edge and wrap"),
        }];
    }

    // The border is not repeated: 2 1 | 0 1 2 3 | 2 1. Within a period a place's distance from its middle, the last place, tells where it lies.
    private static Tensor Reflected(Tensor places, long size) => size == 1
        ? places.zero_()
        : places.remainder_(2 * (size - 1)).sub_(size - 1).abs_().neg_().add_(size - 1);

    // The source changes places in place: along one axis there may be as many as the result has elements.
    private static Tensor Mirrored(NodeRun run, Tensor input, long[] before, long[] after, Func<Tensor, long, Tensor> source)
    {
        var result = input.alias();
        for (var axis = 0; axis < before.Length; axis++)
        {
            var size = input.shape[axis];
            if (before[axis] == 0 && after[axis] == 0)
                continue;
            if (size == 0)
                throw run.Node.BadInput($"the axis {axis} is empty and has nothing to repeat");
            // One axis grows before the next is cut.
            run.Bounded([.. result.shape[..axis], before[axis] + size + after[axis], .. result.shape[(axis + 1)..]]);
            using var places = arange(-before[axis], size + after[axis], dtype: ScalarType.Int64, device: input.device);
            result = result.index_select(axis, source(places, size));
        }

        return result;
    }
}
