namespace MappingNets;

/// <summary>What an initialiser is to the network, by the operators that take it.</summary>
internal enum TensorRole
{
    /// <summary>It stays what it is: a shape, a bound, an exponent, a mask.</summary>
    Constant,

    /// <summary>A running statistic, which training moves and no mapping generates.</summary>
    Buffer,

    /// <summary>A weight.</summary>
    Parameter,
}

/// <summary>
/// Tells weights from constants. Exporters store both as initialisers: a float that an operator takes as a weight, or adds to or
/// multiplies with what it computes, is a parameter unless it is a single number or holds one that no training gives (a mask). What is
/// subtracted or divided by, as inputs are standardised, and exponents, bounds and sizes are constants.
/// </summary>
internal static class TensorRoles
{
    /// <summary>The role of an initialiser in one place.</summary>
    /// <param name="type">The operator that takes it.</param>
    /// <param name="input">As which of its inputs, from 0.</param>
    /// <param name="tensor">The initialiser.</param>
    public static TensorRole Of(string type, int input, StoredTensor tensor) => (type, input) switch
    {
        _ when !tensor.IsFloat || tensor.Count == 0 => TensorRole.Constant,
        ("BatchNormalization", 3 or 4) => TensorRole.Buffer,
        ("BatchNormalization" or "LayerNormalization" or "InstanceNormalization", 1 or 2)
            or ("Conv" or "ConvTranspose", 1 or 2)
            or ("Gemm", 1 or 2)
            or ("MatMul", _)
            or ("LSTM" or "GRU", 1 or 2 or 3)
            or ("Gather", 0)
            or ("PRelu", 1) => TensorRole.Parameter,
        ("Add" or "Mul" or "Concat", _)
            or ("Identity" or "Transpose" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Expand" or "Cast" or "Slice" or "Split", 0) =>
            tensor.Count > 1 ? TensorRole.Parameter : TensorRole.Constant,
        _ => TensorRole.Constant,
    };

    /// <summary>How many inputs feed each output of the layer that takes a weight; null where the layer before says it.</summary>
    /// <param name="node">The node that takes it.</param>
    /// <param name="input">As which of its inputs, from 0.</param>
    /// <param name="shapeOf">The shape of an input of the node, or null where a pass computes it.</param>
    public static long? FanIn(OnnxNode node, int input, Func<int, IReadOnlyList<long>?> shapeOf)
    {
        var own = shapeOf(input)!;
        return (node.Type, input) switch
        {
            ("Conv" or "ConvTranspose", _) when shapeOf(1) is { Count: > 1 } weight => ShapeText.Product([.. weight.Skip(1)]),
            ("Gemm", _) when shapeOf(1) is { Count: 2 } weight => weight[node.Flag("transB") ? 1 : 0],
            ("MatMul", 1) when own.Count > 0 => own[Math.Max(own.Count - 2, 0)],
            ("LSTM" or "GRU", _) when shapeOf(2) is { Count: 3 } recurrent => recurrent[2],
            ("Add", _) => null,
            _ => own.Count == 0 ? 1 : own[^1],
        };
    }

    /// <summary>Whether a weight scales or shifts what a layer puts out: the numbers of a normalisation, and biases.</summary>
    /// <param name="node">The node that takes it.</param>
    /// <param name="input">As which of its inputs, from 0.</param>
    /// <param name="shape">Its shape.</param>
    public static bool IsScaleOrShift(OnnxNode node, int input, IReadOnlyList<long> shape) => (node.Type, input) switch
    {
        ("BatchNormalization" or "LayerNormalization" or "InstanceNormalization", 1 or 2)
            or ("Conv" or "ConvTranspose" or "Gemm", 2)
            or ("LSTM" or "GRU", 3)
            or ("PRelu", 1) => true,
        // A number for each channel, whatever dimensions of 1 stand beside it.
        ("Add" or "Mul", _) => shape.Count > 0 && ShapeText.Product(shape) == shape.Max(),
        _ => false,
    };

    /// <summary>Whether a weight is that of a linear layer as PyTorch has it, (outputs, inputs).</summary>
    public static bool IsMatrixOfOutputs(OnnxNode node, int input) =>
        node.Type == "Gemm" && input == 1 && node.Flag("transB") && !node.Flag("transA") && node.Float("alpha", 1) == 1;

    /// <summary>Whether a weight is a matrix in another way: with its inputs first, or scaled.</summary>
    public static bool IsOtherMatrix(OnnxNode node, int input) =>
        node.Type == "MatMul" || (node.Type == "Gemm" && input < 2 && !IsMatrixOfOutputs(node, input));

    /// <summary>The value around which a weight lies before training: 1 for scales.</summary>
    public static double Center(OnnxNode node, int input, IReadOnlyList<long> shape) => (node.Type, input) switch
    {
        ("BatchNormalization" or "LayerNormalization" or "InstanceNormalization", 1) => 1,
        ("Mul", _) when shape.Count == 0 || ShapeText.Product(shape) == shape.Max() => 1,
        _ => 0,
    };
}
