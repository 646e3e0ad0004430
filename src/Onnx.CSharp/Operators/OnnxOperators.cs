using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What a node computes: its results, of which the first is always there.</summary>
internal delegate Tensor[] OnnxOperator(NodeRun run);

/// <summary>The operators that are understood, with their settings. Each is a pure function of a node's inputs.</summary>
internal static class OnnxOperators
{
    private static readonly Dictionary<string, (OnnxOperator Compute, string[] Attributes)> Known = new(StringComparer.Ordinal)
    {
        ["Add"] = (Arithmetic.Add, []),
        ["Sub"] = (Arithmetic.Subtract, []),
        ["Mul"] = (Arithmetic.Multiply, []),
        ["Div"] = (Arithmetic.Divide, []),
        ["Pow"] = (Arithmetic.Power, []),
        ["Sqrt"] = (Unary(input => input.sqrt()), []),
        ["Erf"] = (Unary(input => input.erf()), []),
        ["Exp"] = (Unary(input => input.exp()), []),
        ["Log"] = (Unary(input => input.log()), []),
        ["Neg"] = (Unary(input => input.neg()), []),
        ["Abs"] = (Unary(input => input.abs()), []),
        ["Reciprocal"] = (Unary(input => input.reciprocal()), []),
        ["Not"] = (Unary(input => input.logical_not()), []),
        ["Identity"] = (Unary(input => input.alias()), []),
        ["Dropout"] = (Unary(input => input.alias()), ["ratio", "seed"]),
        ["Equal"] = (Arithmetic.Compare((left, right) => left.eq(right)), []),
        ["Less"] = (Arithmetic.Compare((left, right) => left.lt(right)), []),
        ["Greater"] = (Arithmetic.Compare((left, right) => left.gt(right)), []),
        ["LessOrEqual"] = (Arithmetic.Compare((left, right) => left.le(right)), []),
        ["GreaterOrEqual"] = (Arithmetic.Compare((left, right) => left.ge(right)), []),
        ["Min"] = (Arithmetic.Among((left, right) => left.minimum(right)), []),
        ["Max"] = (Arithmetic.Among((left, right) => left.maximum(right)), []),
        ["Floor"] = (Unary(input => input.floor()), []),
        ["And"] = (Arithmetic.Compare((left, right) => left.logical_and(right)), []),
        ["Or"] = (Arithmetic.Compare((left, right) => left.logical_or(right)), []),
        ["Where"] = (Arithmetic.Where, []),
        ["If"] = (Branching.If, ["then_branch", "else_branch"]),
        ["MatMul"] = (Products.MatMul, []),
        ["Gemm"] = (Products.Gemm, ["alpha", "beta", "transA", "transB"]),
        ["Relu"] = (Unary(input => input.relu()), []),
        ["LeakyRelu"] = (Activations.LeakyRelu, ["alpha"]),
        ["PRelu"] = (Activations.PRelu, []),
        ["Elu"] = (Activations.Elu, ["alpha"]),
        ["Softplus"] = (Unary(input => nn.functional.softplus(input)), []),
        ["Sigmoid"] = (Unary(input => input.sigmoid()), []),
        ["Tanh"] = (Unary(input => input.tanh()), []),
        ["Gelu"] = (Activations.Gelu, ["approximate"]),
        ["HardSigmoid"] = (Activations.HardSigmoid, ["alpha", "beta"]),
        ["HardSwish"] = (Activations.HardSwish, []),
        ["Clip"] = (Activations.Clip, ["min", "max"]),
        ["Softmax"] = (Activations.Softmax, ["axis"]),
        ["LogSoftmax"] = (Activations.LogSoftmax, ["axis"]),
        ["BatchNormalization"] = (Normalisations.Batch, ["epsilon", "momentum", "spatial", "training_mode"]),
        ["InstanceNormalization"] = (Normalisations.Instance, ["epsilon"]),
        ["LayerNormalization"] = (Normalisations.Layer, ["axis", "epsilon", "stash_type"]),
        ["Conv"] = (Convolutions.Plain, ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"]),
        ["ConvTranspose"] = (
            Convolutions.Transposed,
            ["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"]),
        ["MaxPool"] = (Pooling.Largest, ["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"]),
        ["AveragePool"] = (Pooling.Average, ["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"]),
        ["GlobalAveragePool"] = (Pooling.GlobalAverage, []),
        ["GlobalMaxPool"] = (Pooling.GlobalLargest, []),
        ["ReduceMean"] = (Reductions.Mean, ["axes", "keepdims", "noop_with_empty_axes"]),
        ["ReduceSum"] = (Reductions.Sum, ["axes", "keepdims", "noop_with_empty_axes"]),
        ["ReduceMax"] = (Reductions.Largest, ["axes", "keepdims", "noop_with_empty_axes"]),
        ["ReduceMin"] = (Reductions.Least, ["axes", "keepdims", "noop_with_empty_axes"]),
        ["Shape"] = (Shapes.Shape, ["start", "end"]),
        ["Size"] = (Shapes.Size, []),
        ["Reshape"] = (Shapes.Reshape, ["allowzero"]),
        ["Flatten"] = (Shapes.Flatten, ["axis"]),
        ["Squeeze"] = (Shapes.Squeeze, ["axes"]),
        ["Unsqueeze"] = (Shapes.Unsqueeze, ["axes"]),
        ["Transpose"] = (Shapes.Transpose, ["perm"]),
        ["Expand"] = (Shapes.Expand, []),
        ["Cast"] = (Shapes.Cast, ["to", "saturate"]),
        ["Concat"] = (Parts.Concat, ["axis"]),
        ["Split"] = (Parts.Split, ["axis", "split", "num_outputs"]),
        ["Slice"] = (Parts.Slice, ["axes", "starts", "ends"]),
        ["Gather"] = (Parts.Gather, ["axis"]),
        ["Pad"] = (Padding.Pad, ["mode", "pads", "value"]),
        ["Constant"] = (Constants.Constant, ["value", "value_float", "value_floats", "value_int", "value_ints"]),
        ["ConstantOfShape"] = (Constants.OfShape, ["value"]),
        ["Range"] = (Constants.Range, []),
        ["Resize"] = (
            Resizing.Resize,
            [
                "mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
                "antialias", "axes", "keep_aspect_ratio_policy",
            ]),
        ["LSTM"] = (Recurrence.Lstm, ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget", "layout"]),
        ["GRU"] = (Recurrence.Gru, ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout", "linear_before_reset"]),
    };

    /// <summary>The operator of a node.</summary>
    /// <exception cref="NotSupportedException">There is none, or the node has a setting that it does not know, or no outputs.</exception>
    public static OnnxOperator For(OnnxNode node)
    {
        if (node.Outputs.Count == 0)
            throw node.Fault("it has no outputs");
        if (node.Domain is not ("" or "ai.onnx"))
            throw node.Fault($"the operators of the domain '{MessageText.Of(node.Domain)}' are not the standard ones");
        if (!Known.TryGetValue(node.Type, out var found))
            throw node.Fault($"the operator '{MessageText.Of(node.Type)}' is not among those that are understood: {string.Join(", ", Known.Keys.Order(StringComparer.Ordinal))}");
        foreach (var inner in node.WithNested.Skip(1))
            For(inner);
        return node.AttributeNames.Except(found.Attributes).FirstOrDefault() is { } unknown
            ? throw node.Fault($"it has the attribute '{MessageText.Of(unknown)}'")
            : found.Compute;
    }

    private static OnnxOperator Unary(Func<Tensor, Tensor> function) => run => [function(run.Input(0))];
}
