using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Convolutions over one to three axes.</summary>
internal static class Convolutions
{
    public static Tensor[] Plain(NodeRun run)
    {
        var (input, weight, bias) = (run.Input(0), run.Input(1), run.Optional(2));
        Check(run, input, weight);
        var group = run.Node.Int("group", 1);
        if (group < 1 || input.shape[1] != weight.shape[1] * group || weight.shape[0] % group != 0)
            throw run.Node.BadInput(
                $"the input {ShapeText.Of(input.shape)} and the weight {ShapeText.Of(weight.shape)} do not fit together in {group} groups");
        var windows = Windows.Of(run, weight.shape[2..], input.shape[2..]);
        run.Bounded(
            [input.shape[0], weight.shape[0], .. Enumerable.Range(0, windows.Kernel.Length).Select(axis => windows.Count(axis, input.shape[2 + axis], false))]);
        if (!windows.IsSymmetric)
        {
            run.Bounded([.. input.shape[..2], .. windows.Padded(input.shape[2..])]);
            input = nn.functional.pad(input, windows.ForPad());
            windows = windows with { Before = new long[windows.Kernel.Length], After = new long[windows.Kernel.Length] };
        }

        if (group == 1)
        {
            (input, var strides) = BlockedConvolution.Thinned(input, weight, windows.Strides, windows.Before);
            windows = windows with { Strides = strides };
        }

        return [group == 1 ? BlockedConvolution.Filled(input, weight, bias, Convolve) : Convolve(input, weight, bias)];

        Tensor Convolve(Tensor values, Tensor kernel, Tensor? shift) => windows.Kernel.Length switch
        {
            1 => nn.functional.conv1d(values, kernel, shift, windows.Strides[0], windows.Before[0], windows.Dilations[0], group),
            2 => nn.functional.conv2d(values, kernel, shift, windows.Strides, windows.Before, windows.Dilations, group),
            _ => nn.functional.conv3d(values, kernel, shift, windows.Strides, windows.Before, windows.Dilations, group),
        };
    }

    public static Tensor[] Transposed(NodeRun run)
    {
        var (input, weight, bias) = (run.Input(0), run.Input(1), run.Optional(2));
        Check(run, input, weight);
        var group = run.Node.Int("group", 1);
        if (group < 1 || input.shape[1] != weight.shape[0] || weight.shape[0] % group != 0)
            throw run.Node.BadInput(
                $"the input {ShapeText.Of(input.shape)} and the weight {ShapeText.Of(weight.shape)} do not fit together in {group} groups");
        var (kernel, sizes) = (weight.shape[2..], input.shape[2..]);
        var count = kernel.Length;
        if (count is < 1 or > 3)
            throw run.Node.Fault($"it has {count} spatial axes; 1 to 3 are understood");
        var strides = Windows.Along(run.Node, "strides", count, 1);
        var dilations = Windows.Along(run.Node, "dilations", count, 1);
        var more = Windows.Along(run.Node, "output_padding", count, 0);
        var full = Enumerable.Range(0, count)
            .Select(axis => (sizes[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 + more[axis]).ToArray();
        var (before, after) = PadsOf(run, full, sizes, strides);
        run.Bounded([input.shape[0], weight.shape[1] * group, .. full]);

        // The whole output first, then what the pads leave of it: libtorch pads both ends alike.
        var none = new long[count];
        var extra = Enumerable.Range(0, count).Select(axis => Math.Max(more[axis], 0)).ToArray();
        var whole = group == 1 ? BlockedConvolution.FilledTransposed(input, weight, bias, Convolve) : Convolve(input, weight, bias);
        // Where the output goes on past the last window, it holds the bias alone.
        if (extra.Any(size => size > 0))
            whole = Continued(whole, bias, extra);
        for (var axis = 0; axis < count; axis++)
            whole = whole.narrow(2 + axis, before[axis], full[axis] - before[axis] - after[axis]);
        return [whole.contiguous()];

        Tensor Convolve(Tensor values, Tensor weights, Tensor? shift) => count switch
        {
            1 => nn.functional.conv_transpose1d(values, weights, shift, strides[0], 0, 0, dilations[0], group),
            2 => nn.functional.conv_transpose2d(values, weights, shift, strides, none, none, dilations, group),
            _ => nn.functional.conv_transpose3d(values, weights, shift, strides, none, none, dilations, group),
        };
    }

    private static Tensor Continued(Tensor whole, Tensor? bias, long[] extra)
    {
        for (var axis = 0; axis < extra.Length; axis++)
            if (extra[axis] > 0)
            {
                var shape = whole.shape;
                shape[2 + axis] = extra[axis];
                var end = bias is null
                    ? zeros(shape, whole.dtype, whole.device)
                    : bias.reshape([1, -1, .. Enumerable.Repeat(1L, extra.Length)]).expand(shape);
                whole = cat([whole, end], 2 + axis);
            }

        return whole;
    }

    private static (long[] Before, long[] After) PadsOf(NodeRun run, long[] full, long[] sizes, long[] strides)
    {
        var node = run.Node;
        var count = full.Length;
        var pads = node.Within("pads", node.Ints("pads") ?? new long[2 * count], 0);
        var mode = node.Text("auto_pad", "NOTSET");
        var wanted = node.Ints("output_shape")
            ?? (mode is "SAME_UPPER" or "SAME_LOWER" ? [.. sizes.Zip(strides, (size, stride) => size * stride)] : null);
        if (wanted is not null)
        {
            if (wanted.Length != count)
                throw node.BadInput($"its output_shape has {wanted.Length} numbers for {count} spatial axes");
            pads = new long[2 * count];
            for (var axis = 0; axis < count; axis++)
            {
                var total = full[axis] - wanted[axis];
                if (total < 0)
                    throw node.Fault($"its output would be padded to {ShapeText.Of(wanted)}");
                (pads[axis], pads[count + axis]) = mode == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2);
            }
        }
        else if (mode == "VALID")
        {
            pads = new long[2 * count];
        }
        else if (mode != "NOTSET")
        {
            throw node.Fault($"auto_pad is '{mode}'");
        }

        return pads.Length == 2 * count
            && Enumerable.Range(0, count).All(axis => full[axis] - pads[axis] - pads[count + axis] > 0)
            ? (pads[..count], pads[count..])
            : throw node.BadInput($"its pads {ShapeText.Of(pads)} leave nothing of the output {ShapeText.Of(full)}");
    }

    private static void Check(NodeRun run, Tensor input, Tensor weight)
    {
        if (input.dim() != weight.dim() || input.dim() < 3)
            throw run.Node.BadInput(
                $"the input {ShapeText.Of(input.shape)} and the weight {ShapeText.Of(weight.shape)} must have equally many axes, at least 3");
        if (input.dtype != weight.dtype)
            throw run.Node.BadInput($"the input is {input.dtype}, the weight {weight.dtype}");
    }
}
