using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>How far apart the numbers are that a file can store: a pure function of the weights, so that the loss is known in advance.</summary>
internal static class WeightRounding
{
    /// <summary>The largest number in half precision.</summary>
    public const double LargestHalf = 65_504;

    /// <summary>Whether a tensor is rounded at all: biases, scales and shifts stay in single precision.</summary>
    public static bool IsRounded(StoredPrecision precision, Tensor value) => precision != StoredPrecision.Single && value.dim() >= 2;

    /// <summary>Refuses to round weights that the network's file stores in another type than single precision: nodes around them expect that type.</summary>
    /// <param name="target">The network.</param>
    /// <param name="precision">The precision.</param>
    /// <param name="values">The weights, by the names of the plain network.</param>
    /// <exception cref="NotSupportedException">There is one.</exception>
    public static void RequireSingle(TargetNetwork target, StoredPrecision precision, IReadOnlyDictionary<string, Tensor> values)
    {
        if (target.Plain is not OnnxTarget { File: var file })
            return;
        foreach (var (name, value) in values)
            if (IsRounded(precision, value) && file.Initializers[name].Type is not Kind.Float and var type)
                throw new NotSupportedException(
                    $"'{MessageText.Of(name)}' is {type} in the network's file, which keeps that type; only weights in single precision are rounded to "
                    + $"{precision}. {nameof(StoredPrecision.Single)} writes each weight in the type that it has there.");
    }

    /// <summary>The distance of neighbouring numbers at each weight, of a shape that broadcasts to the weight's.</summary>
    /// <param name="precision">Half or Int8.</param>
    /// <param name="value">The weight, in single precision on the CPU, of two or more dimensions.</param>
    /// <param name="outputAxes">For int8, the axes along which each place has a step of its own.</param>
    /// <exception cref="NotSupportedException">The precision is another.</exception>
    public static Tensor Steps(StoredPrecision precision, Tensor value, IReadOnlyList<int> outputAxes) => precision switch
    {
        StoredPrecision.Half => HalfSteps(value),
        StoredPrecision.Int8 => Int8Steps(value, outputAxes),
        _ => throw new NotSupportedException($"ONNX files in the precision {precision} are not written; Single, Half and Int8 are."),
    };

    /// <summary>The axes of a weight that count the outputs which it feeds, by the node that takes it.</summary>
    /// <param name="graph">The graph, with the weight under its own name.</param>
    /// <param name="name">The weight.</param>
    /// <param name="rank">How many dimensions it has, at least 2.</param>
    public static IReadOnlyList<int> OutputAxes(GraphProto graph, string name, int rank)
    {
        var node = graph.Node.FirstOrDefault(node => node.Input.Contains(name));
        return (node?.OpType, node?.Input.IndexOf(name)) switch
        {
            // (inputs, outputs / groups, ...)
            ("ConvTranspose", 1) => [1],
            ("Gemm", 1) => [node!.Attribute.Any(attribute => attribute is { Name: "transB", I: not 0 }) ? 0 : 1],
            ("Gemm", 0) => [node!.Attribute.Any(attribute => attribute is { Name: "transA", I: not 0 }) ? 1 : 0],
            ("MatMul", 1) => [rank - 1],
            ("MatMul", 0) => [rank - 2],
            // (directions, gates x hidden, ...)
            ("LSTM" or "GRU", _) => [0, 1],
            ("Add" or "Mul" or "Concat", _) => [rank - 1],
            _ => [0],
        };
    }

    // The largest number of each output is 127 steps. A row of zeros has any step.
    private static Tensor Int8Steps(Tensor value, IReadOnlyList<int> outputAxes)
    {
        long[] others = [.. Enumerable.Range(0, (int)value.dim()).Except(outputAxes).Select(axis => (long)axis)];
        var largest = others.Length == 0 ? value.abs() : value.abs().amax(others, keepdim: true);
        return largest.div(127).clamp_min(MathF.ScaleB(1, -126).ToScalar());
    }

    // Ten bits after the leading one, and below 2^-14 a fixed step: 2^(e - 10), where 2^e <= |w| < 2^(e + 1).
    private static Tensor HalfSteps(Tensor value) =>
        value.abs().clamp_min(MathF.ScaleB(1, -14).ToScalar()).log2().floor().sub(10).exp2();
}
