using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One run of a node: what it got, and the pass that it is part of.</summary>
/// <param name="Node">The node.</param>
/// <param name="Given">Its inputs; null where one is left out.</param>
/// <param name="Pass">The pass.</param>
internal sealed record NodeRun(OnnxNode Node, IReadOnlyList<Tensor?> Given, GraphPass Pass)
{
    /// <summary>The type of the floats of the pass.</summary>
    public ScalarType Type => Pass.Type;

    /// <summary>Whether this is a pass of training.</summary>
    public bool Training => Pass.Training;

    /// <summary>An input that must be there.</summary>
    public Tensor Input(int index) => Optional(index) ?? throw Node.BadInput($"input {index + 1} is missing");

    /// <summary>An input, or null.</summary>
    public Tensor? Optional(int index) => index < Given.Count ? Given[index] : null;

    /// <summary>An input's whole numbers, or null.</summary>
    public long[]? OptionalInts(int index)
    {
        if (Optional(index) is not { } input)
            return null;
        if (input.is_floating_point())
            throw Node.BadInput($"input {index + 1} must hold whole numbers; it is {input.dtype}");
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return input.to(ScalarType.Int64).cpu().reshape(-1).contiguous().data<long>().ToArray();
    }

    /// <summary>An input's whole numbers.</summary>
    public long[] Ints(int index) => OptionalInts(index) ?? throw Node.BadInput($"input {index + 1} is missing");

    /// <summary>An input's numbers, or null.</summary>
    public double[]? OptionalFloats(int index)
    {
        if (Optional(index) is not { } input)
            return null;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return input.detach().to(ScalarType.Float64).cpu().reshape(-1).contiguous().data<double>().ToArray();
    }

    /// <summary>The one number of an input, or null.</summary>
    public double? OptionalNumber(int index) => OptionalOne(index, OptionalFloats(index));

    /// <summary>The one whole number of an input, with all its digits, or null.</summary>
    public long? OptionalInt(int index) => OptionalOne(index, OptionalInts(index));

    /// <summary>Settings that are an attribute in old opsets and an input in new ones.</summary>
    /// <exception cref="NotSupportedException">They are there in the other form.</exception>
    public long[]? AxesOf(string attribute, int input, long inputSince) =>
        AreInputs(inputSince, (attribute, input)) ? OptionalInts(input) : Node.Ints(attribute);

    /// <summary>Whether settings are inputs, as they are from an opset on; before it they are attributes.</summary>
    /// <param name="since">That opset.</param>
    /// <param name="settings">The attributes, and the places of the inputs that took their part, from 0.</param>
    /// <exception cref="NotSupportedException">One is there in the other form, in which it would have no effect.</exception>
    public bool AreInputs(long since, params ReadOnlySpan<(string Attribute, int Input)> settings)
    {
        var areInputs = Node.Opset >= since;
        foreach (var (attribute, input) in settings)
            if (areInputs ? Node.Has(attribute) : Optional(input) is not null)
                throw Node.Fault(
                    areInputs ? $"it has the attribute '{attribute}', which is input {input + 1} from opset {since} on"
                    : $"it has an input {input + 1}, which is the attribute '{attribute}' before opset {since}");
        return areInputs;
    }

    /// <summary>An axis counted from the front.</summary>
    public int Axis(long axis, long rank)
    {
        if (axis < -rank || axis >= rank)
            throw Node.BadInput($"the axis {axis} does not exist in a tensor of {rank} dimensions");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>
    /// Refuses a shape that no machine has memory for, such as a hostile file's, or that is beyond the limits that a file is read with, before the memory
    /// is asked for.
    /// </summary>
    public long[] Bounded(long[] shape)
    {
        var (count, most) = (1L, Pass.MostElementsOfOne);
        foreach (var size in shape)
        {
            if (size < 0)
                throw Node.BadInput($"its result would have the shape {ShapeText.Of(shape)}");
            if (size > 0 && count > most / size)
                throw Node.BadInput($"its result would have the shape {ShapeText.Of(shape)}, of more than {most} elements; a higher {nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)} allows more");
            // An empty axis excuses no other: sizes are reckoned with further on.
            count *= Math.Max(size, 1);
        }

        Pass.Expect(Node, shape);
        return shape;
    }

    /// <summary>The bounded shape that all shapes broadcast to.</summary>
    public long[] Broadcast(params long[][] shapes)
    {
        long[] result = [.. Enumerable.Repeat(1L, shapes.Max(shape => shape.Length))];
        foreach (var shape in shapes)
            for (var axis = 1; axis <= shape.Length; axis++)
                if (result[^axis] == 1)
                    result[^axis] = shape[^axis];
                else if (shape[^axis] != 1 && shape[^axis] != result[^axis])
                    throw Node.BadInput($"the shapes {string.Join(" and ", shapes.Select(ShapeText.Of))} do not fit together");
        return Bounded(result);
    }

    /// <summary>The type that stands for one of ONNX's: floats are of the pass's type, whole numbers int64.</summary>
    public ScalarType TypeOf(long kind) => (Onnx.TensorProto.Types.DataType)kind switch
    {
        Onnx.TensorProto.Types.DataType.Float or Onnx.TensorProto.Types.DataType.Float16
            or Onnx.TensorProto.Types.DataType.Bfloat16 or Onnx.TensorProto.Types.DataType.Double => Type,
        Onnx.TensorProto.Types.DataType.Bool => ScalarType.Bool,
        Onnx.TensorProto.Types.DataType.Int32 or Onnx.TensorProto.Types.DataType.Int64 => ScalarType.Int64,
        var other => throw Node.Fault($"the type {other} is not supported"),
    };

    private T? OptionalOne<T>(int index, T[]? numbers)
        where T : struct => numbers switch
        {
            null or [] => null,
            [var only] => only,
            var many => throw Node.BadInput($"input {index + 1} must be one number; it has {many.Length}"),
        };
}
