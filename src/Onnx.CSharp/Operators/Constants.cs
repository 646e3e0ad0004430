using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Tensors that come from a node's settings or from a shape.</summary>
internal static class Constants
{
    public static Tensor[] Constant(NodeRun run)
    {
        var node = run.Node;
        if (node.Tensor("value") is { } stored)
            return [Typed(run, StoredTensor.Of(node, stored).Load())];
        if (node.Floats("value_floats") is { } floats)
            return [tensor(floats, device: CPU).to(run.Type)];
        if (node.Ints("value_ints") is { } ints)
            return [tensor(ints, dtype: ScalarType.Int64, device: CPU)];
        if (node.Has("value_float"))
            return [tensor(node.Float("value_float", 0), device: CPU).to(run.Type)];
        return node.Has("value_int") ? [tensor(node.Int("value_int", 0), dtype: ScalarType.Int64, device: CPU)] : throw node.Fault("it has no value");
    }

    public static Tensor[] OfShape(NodeRun run)
    {
        var shape = run.Bounded(run.Ints(0));
        if (run.Node.Tensor("value") is not { } stored)
            return [zeros(shape, run.Type, device: CPU)];
        var value = Typed(run, StoredTensor.Of(run.Node, stored).Load());
        return value.numel() == 1
            ? [value.reshape(1).expand([.. shape.Length == 0 ? [1] : shape]).clone().reshape(shape)]
            : throw run.Node.BadInput($"its value has {value.numel()} numbers; it must have one");
    }

    public static Tensor[] Range(NodeRun run)
    {
        var (start, limit, step) = (run.OptionalNumber(0), run.OptionalNumber(1), run.OptionalNumber(2));
        if (start is null || limit is null || step is null or 0)
            throw run.Node.BadInput("it needs a start, a limit and a step other than 0");
        var count = (long)Math.Clamp(Math.Ceiling((limit.Value - start.Value) / step.Value), 0, 1L << 62);
        run.Bounded([count]);
        // In place, so that the numbers are held once beside the result.
        var places = arange(count, dtype: ScalarType.Float64, device: CPU).mul_(step.Value).add_(start.Value);
        return [places.to(run.Input(0).dtype)];
    }

    private static Tensor Typed(NodeRun run, Tensor value) => value.is_floating_point() ? value.to(run.Type) : value;
}
