using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Shapes and what changes them. Shapes are tensors of whole numbers on the CPU, computed in each pass.</summary>
internal static class Shapes
{
    public static Tensor[] Shape(NodeRun run)
    {
        var shape = run.Input(0).shape;
        var start = Bound(run.Node.Int("start", 0), shape.Length);
        var end = Math.Max(start, Bound(run.Node.Int("end", shape.Length), shape.Length));
        return [tensor(shape[start..end], dtype: ScalarType.Int64, device: CPU)];
    }

    public static Tensor[] Size(NodeRun run) => [tensor(run.Input(0).numel(), dtype: ScalarType.Int64, device: CPU)];

    public static Tensor[] Reshape(NodeRun run)
    {
        var (input, wanted) = (run.Input(0), run.Ints(1));
        var shape = (long[])wanted.Clone();
        if (!run.Node.Flag("allowzero"))
            for (var axis = 0; axis < shape.Length; axis++)
                if (shape[axis] == 0)
                    shape[axis] = axis < input.dim() ? input.shape[axis] : throw Misfit();
        if (shape.Any(size => size < -1) || shape.Count(size => size == -1) > 1)
            throw Misfit();
        var known = ShapeText.Product(run.Bounded([.. shape.Where(size => size >= 0)]));
        return (shape.Contains(-1) ? known > 0 && input.numel() % known == 0 : known == input.numel())
            ? [input.reshape(shape)]
            : throw Misfit();

        Exception Misfit() => run.Node.BadInput($"{ShapeText.Of(input.shape)} cannot become {ShapeText.Of(wanted)}");
    }

    public static Tensor[] Flatten(NodeRun run)
    {
        var input = run.Input(0);
        var axis = run.Node.Int("axis", 1) is var given && given == input.dim() ? (int)given : run.Axis(given, input.dim());
        var rows = ShapeText.Product(input.shape[..axis]);
        return [input.reshape(rows, ShapeText.Product(input.shape[axis..]))];
    }

    public static Tensor[] Squeeze(NodeRun run)
    {
        var input = run.Input(0);
        // ONNX Runtime takes an empty list for none.
        if (run.AxesOf("axes", 1, 13) is not { Length: > 0 } axes)
            return [input.squeeze()];
        var gone = axes.Select(axis => run.Axis(axis, input.dim())).ToHashSet();
        if (gone.FirstOrDefault(axis => input.shape[axis] != 1, -1) is >= 0 and var wide)
            throw run.Node.BadInput($"the axis {wide} of {ShapeText.Of(input.shape)} has not the size 1");
        return [input.reshape([.. input.shape.Where((_, axis) => !gone.Contains(axis))])];
    }

    public static Tensor[] Unsqueeze(NodeRun run)
    {
        var input = run.Input(0);
        var axes = run.AxesOf("axes", 1, 13) ?? throw run.Node.BadInput("it has no axes");
        var rank = input.dim() + axes.Length;
        var added = axes.Select(axis => run.Axis(axis, rank)).ToHashSet();
        if (added.Count != axes.Length)
            throw run.Node.BadInput($"its axes {ShapeText.Of(axes)} name one twice");
        var old = new Queue<long>(input.shape);
        return [input.reshape([.. Enumerable.Range(0, (int)rank).Select(axis => added.Contains(axis) ? 1 : old.Dequeue())])];
    }

    public static Tensor[] Transpose(NodeRun run)
    {
        var input = run.Input(0);
        var order = run.Node.Ints("perm") ?? [.. Enumerable.Range(0, (int)input.dim()).Reverse().Select(axis => (long)axis)];
        return order.Order().SequenceEqual(Enumerable.Range(0, (int)input.dim()).Select(axis => (long)axis))
            ? [input.permute(order)]
            : throw run.Node.BadInput($"{ShapeText.Of(order)} is no order of the axes of {ShapeText.Of(input.shape)}");
    }

    // The input and the wanted shape broadcast each other.
    public static Tensor[] Expand(NodeRun run)
    {
        var (input, wanted) = (run.Input(0), run.Ints(1));
        var shape = new long[Math.Max(input.dim(), wanted.Length)];
        for (var axis = 1; axis <= shape.Length; axis++)
        {
            var (has, asks) = (axis <= input.dim() ? input.shape[^axis] : 1, axis <= wanted.Length ? wanted[^axis] : 1);
            if (has != asks && has != 1 && asks != 1)
                throw run.Node.BadInput($"{ShapeText.Of(input.shape)} does not expand to {ShapeText.Of(wanted)}");
            shape[^axis] = has == 1 ? asks : has;
        }

        return [input.expand(run.Bounded(shape))];
    }

    public static Tensor[] Cast(NodeRun run) => [run.Input(0).to(run.TypeOf(run.Node.Int("to", 0)))];

    private static int Bound(long index, int count) => (int)Math.Clamp(index < 0 ? index + count : index, 0, count);
}
