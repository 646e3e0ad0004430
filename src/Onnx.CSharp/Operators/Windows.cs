namespace MappingNets;

/// <summary>The windows of a convolution or pooling along the spatial axes, as ONNX describes them.</summary>
/// <param name="Kernel">The sizes of a window.</param>
/// <param name="Strides">From one window to the next.</param>
/// <param name="Dilations">From one element of a window to the next.</param>
/// <param name="Before">Padding at the start of each axis.</param>
/// <param name="After">Padding at its end.</param>
internal sealed record Windows(long[] Kernel, long[] Strides, long[] Dilations, long[] Before, long[] After)
{
    /// <summary>Whether each axis is padded alike at both ends.</summary>
    public bool IsSymmetric => Before.SequenceEqual(After);

    /// <summary>The windows of a node over an input.</summary>
    /// <param name="run">The node.</param>
    /// <param name="kernel">The sizes of a window.</param>
    /// <param name="sizes">The input's sizes along the spatial axes.</param>
    public static Windows Of(NodeRun run, long[] kernel, long[] sizes)
    {
        var node = run.Node;
        var count = sizes.Length;
        if (count is < 1 or > 3)
            throw node.Fault($"it has {count} spatial axes; 1 to 3 are understood");
        var strides = Along(node, "strides", count, 1);
        var dilations = Along(node, "dilations", count, 1);
        if (kernel.Length != count || node.Ints("kernel_shape") is { } stated && !stated.SequenceEqual(kernel))
            throw node.BadInput($"its window is {ShapeText.Of(kernel)}, of other axes or sizes than the input and kernel_shape say");
        node.Within("kernel_shape", kernel, 1);
        var (before, after) = (new long[count], new long[count]);
        switch (node.Text("auto_pad", "NOTSET"))
        {
            case "NOTSET":
                var pads = node.Ints("pads") ?? new long[2 * count];
                if (pads.Length != 2 * count)
                    throw node.BadInput($"it has {pads.Length} pads; there must be {2 * count}");
                node.Within("pads", pads, 0);
                (before, after) = (pads[..count], pads[count..]);
                break;
            case "VALID":
                break;
            case "SAME_UPPER" or "SAME_LOWER":
                var upper = node.Text("auto_pad", "") == "SAME_UPPER";
                for (var axis = 0; axis < count; axis++)
                {
                    var outputs = (sizes[axis] + strides[axis] - 1) / strides[axis];
                    var total = Math.Max(0, (outputs - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - sizes[axis]);
                    (before[axis], after[axis]) = upper ? (total / 2, total - total / 2) : (total - total / 2, total / 2);
                }

                break;
            case var other:
                throw node.Fault($"auto_pad is '{other}'");
        }

        return new(kernel, strides, dilations, before, after);
    }

    /// <summary>A number for each axis, at least the one that stands where the node has none.</summary>
    public static long[] Along(OnnxNode node, string attribute, int count, long fallback)
    {
        var values = node.Ints(attribute) ?? [.. Enumerable.Repeat(fallback, count)];
        return values.Length == count ? node.Within(attribute, values, fallback) : throw node.BadInput($"it has {values.Length} {attribute} for {count} spatial axes");
    }

    /// <summary>The sizes of an input with its padding.</summary>
    /// <param name="sizes">Its sizes along the spatial axes.</param>
    public long[] Padded(long[] sizes) => [.. sizes.Select((size, axis) => Before[axis] + size + After[axis])];

    /// <summary>The paddings in libtorch's order: the last axis first, each start and end.</summary>
    public long[] ForPad() => [.. Enumerable.Range(0, Before.Length).Reverse().SelectMany(axis => new[] { Before[axis], After[axis] })];

    /// <summary>How many windows an axis has.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="size">The input's size along it.</param>
    /// <param name="ceiling">Whether a window that reaches over the end counts.</param>
    public long Count(int axis, long size, bool ceiling)
    {
        var room = size + Before[axis] + After[axis] - (Kernel[axis] - 1) * Dilations[axis] - 1;
        // The operator rounds towards zero, and would find a window where it is longer than what there is.
        var count = Math.Max(0, Floor(ceiling ? room + Strides[axis] - 1 : room, Strides[axis]) + 1);
        // A window must start in the input or in the padding before it.
        return ceiling && count > 0 && (count - 1) * Strides[axis] >= size + Before[axis] ? count - 1 : count;
    }

    private static long Floor(long number, long by) => number >= 0 ? number / by : -((by - 1 - number) / by);
}
