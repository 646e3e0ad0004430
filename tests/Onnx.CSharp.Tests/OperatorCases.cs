using Onnx;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>One small graph for each operator and each form that it has had between opset 8 and 21.</summary>
internal static class OperatorCases
{
    private static readonly long[] Image = [4, 9, 7];

    public static IReadOnlyDictionary<string, Func<OnnxGraphs>> All { get; } = new Dictionary<string, Func<OnnxGraphs>>
    {
        ["Conv 8, pads that differ"] = () => Conv(8, 1, ("pads", new[] { 3, 2, 1, 0 }), ("strides", new[] { 2, 1 })),
        ["Conv 17, same upper"] = () => Conv(17, 1, ("auto_pad", "SAME_UPPER"), ("strides", new[] { 2, 2 })),
        ["Conv 17, same lower"] = () => Conv(17, 1, ("auto_pad", "SAME_LOWER"), ("strides", new[] { 2, 2 })),
        ["Conv 21, groups and dilations"] = () => Conv(21, 2, ("group", 2), ("dilations", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 })),
        ["Conv 17, one axis"] = () => new OnnxGraphs(17, 4, 9).Weight("w", 6, 4, 3).Node("Conv", "x w", "y", ("auto_pad", "VALID")).Output("y"),
        ["Conv 17, three axes"] = () => new OnnxGraphs(17, 2, 5, 4, 3).Weight("w", 3, 2, 2, 2, 2).Weight("b", 3).Node("Conv", "x w b", "y").Output("y"),
        ["ConvTranspose 17, pads that differ"] = () => Transposed(("strides", new[] { 2, 2 }), ("pads", new[] { 1, 0, 2, 1 })),
        ["ConvTranspose 17, output padding"] = () => Transposed(("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }), ("output_padding", new[] { 1, 1 })),
        ["ConvTranspose 17, output padding alone"] = () => Transposed(("strides", new[] { 2, 2 }), ("output_padding", new[] { 1, 0 })),
        ["ConvTranspose 17, groups"] = () => Transposed(("group", 2), ("dilations", new[] { 2, 1 })),
        ["ConvTranspose 17, output shape"] = () => Transposed(("strides", new[] { 2, 2 }), ("output_shape", new[] { 18, 14 })),
        ["BatchNormalization 8"] = () => Batch(8),
        ["BatchNormalization 15"] = () => Batch(15, ("epsilon", 1e-3), ("momentum", 0.8)),
        ["Gemm 8"] = () => new OnnxGraphs(8, 5).Weight("w", 5, 3).Weight("b", 3).Node("Gemm", "x w b", "y").Output("y"),
        ["Gemm 13, transposed"] = () => new OnnxGraphs(13, 5).Weight("w", 3, 5).Weight("b", 3).Node("Gemm", "x w b", "y", ("transB", 1)).Output("y"),
        ["Gemm 13, factors"] = () => new OnnxGraphs(13, 5).Weight("w", 3, 5).Weight("b", 1, 3)
            .Node("Gemm", "x w b", "y", ("transB", 1), ("alpha", 0.5), ("beta", 2.0)).Output("y"),
        ["Gemm 13, no third"] = () => new OnnxGraphs(13, 5).Weight("w", 3, 5).Node("Gemm", "x w", "y", ("transB", 1)).Output("y"),
        ["MatMul 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6, 3).Weight("b", 3).Node("MatMul", "x w", "p").Node("Add", "p b", "y").Output("y"),
        ["MatMul 9, of two values"] = () => new OnnxGraphs(9, 4, 6).Weight("w", 6, 6).Node("MatMul", "x w", "a")
            .Node("Transpose", "x", "b", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "a b", "y").Output("y"),
        ["Sub, Div, Pow 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Positive("d", 6).Number("two", 2)
            .Node("Mul", "x w", "a").Node("Sub", "a d", "b").Node("Div", "b d", "c").Node("Pow", "c two", "y").Output("y"),
        ["Pow 13, a whole number to a half"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Ints("n", 16).Number("half", 0.5f).Node("Mul", "x w", "a")
            .Node("Pow", "n half", "p").Node("Cast", "p", "f", ("to", (int)Kind.Float)).Node("Mul", "a f", "y").Output("y"),
        ["Sqrt, Erf 13"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Mul", "a a", "b").Node("Sqrt", "b", "c")
            .Node("Erf", "c", "y").Output("y"),
        ["Exp, Log, Neg, Abs, Reciprocal 13"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Exp", "a", "b")
            .Node("Reciprocal", "b", "c").Node("Log", "c", "d").Node("Neg", "d", "e").Node("Abs", "e", "f").Node("Add", "f e", "y").Output("y"),
        ["Relu 8"] = () => new OnnxGraphs(8, 6).On("Relu"),
        ["LeakyRelu 16"] = () => new OnnxGraphs(16, 6).On("LeakyRelu", "", ("alpha", 0.2)),
        ["LeakyRelu 8, default"] = () => new OnnxGraphs(8, 6).On("LeakyRelu"),
        ["PRelu 9"] = () => new OnnxGraphs(9, Image).Weight("slope", 4, 1, 1).Node("PRelu", "x slope", "y").Output("y"),
        ["Elu 8"] = () => new OnnxGraphs(8, 6).On("Elu", "", ("alpha", 1.5)),
        ["Softplus, Floor 13"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Number("seven", 7).Node("Mul", "x w", "a").Node("Softplus", "a", "b")
            .Node("Mul", "b seven", "c").Node("Floor", "c", "y").Output("y"),
        ["Min, Max 13, of three"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Number("low", -0.3f).Node("Mul", "x w", "a").Node("Max", "a low", "b")
            .Node("Min", "b x a", "y").Output("y"),
        ["LessOrEqual, GreaterOrEqual 16"] = () => new OnnxGraphs(16, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("LessOrEqual", "a x", "less")
            .Node("GreaterOrEqual", "a x", "more").Node("Where", "less a x", "b").Node("Where", "more a b", "y").Output("y"),
        ["Sigmoid 13"] = () => new OnnxGraphs(13, 6).On("Sigmoid"),
        ["Tanh 13"] = () => new OnnxGraphs(13, 6).On("Tanh"),
        ["Gelu 20"] = () => new OnnxGraphs(20, 6).On("Gelu"),
        ["Gelu 20, tanh"] = () => new OnnxGraphs(20, 6).On("Gelu", "", ("approximate", "tanh")),
        ["Gelu as PyTorch writes it"] = Gelu,
        ["HardSwish 14"] = () => new OnnxGraphs(14, 6).On("HardSwish"),
        ["HardSigmoid 13"] = () => new OnnxGraphs(13, 6).On("HardSigmoid", "", ("alpha", 0.3), ("beta", 0.4)),
        ["Softmax 11, axes from 1 together"] = () => new OnnxGraphs(11, 4, 6).On("Softmax"),
        ["Softmax 13, last axis"] = () => new OnnxGraphs(13, 4, 6).On("Softmax"),
        ["Softmax 13, an axis"] = () => new OnnxGraphs(13, 4, 6).On("Softmax", "", ("axis", 1)),
        ["LogSoftmax 13"] = () => new OnnxGraphs(13, 4, 6).On("LogSoftmax", "", ("axis", -1)),
        ["LayerNormalization 17"] = () => new OnnxGraphs(17, 4, 6).Weight("g", 6).Weight("b", 6).Node("LayerNormalization", "x g b", "y").Output("y"),
        ["LayerNormalization 17, two axes"] = () => new OnnxGraphs(17, 4, 6).Weight("g", 4, 6)
            .Node("LayerNormalization", "x g", "y", ("axis", 1), ("epsilon", 1e-2)).Output("y"),
        ["LayerNormalization as PyTorch writes it"] = LayerNorm,
        ["InstanceNormalization 8"] = () => new OnnxGraphs(8, Image).Weight("g", 4).Weight("b", 4)
            .Node("InstanceNormalization", "x g b", "y", ("epsilon", 1e-3)).Output("y"),
        ["If 13, by the batch's size"] = Branched,
        ["MaxPool 8, pads that differ"] = () => new OnnxGraphs(8, Image).On("MaxPool", "", ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 0, 0 })),
        ["MaxPool 12, ceiling and dilations"] = () => new OnnxGraphs(12, Image).On(
            "MaxPool", "", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }), ("dilations", new[] { 2, 1 }), ("ceil_mode", 1)),
        ["MaxPool 12, its places named"] = () => new OnnxGraphs(12, Image).Weight("w", 7).Node("Mul", "x w", "a")
            .Node("MaxPool", "a", "y places", ("kernel_shape", new[] { 2, 2 })).Output("y"),
        ["MaxPool 12, same upper"] = () => new OnnxGraphs(12, Image).On("MaxPool", "", ("kernel_shape", new[] { 2, 2 }), ("auto_pad", "SAME_UPPER")),
        ["AveragePool 8"] = () => new OnnxGraphs(8, Image).On("AveragePool", "", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 0, 0, 1 })),
        ["AveragePool 11, padding counts"] = () => new OnnxGraphs(11, Image).On(
            "AveragePool", "", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }), ("count_include_pad", 1)),
        ["AveragePool 19, ceiling"] = () => new OnnxGraphs(19, Image).On(
            "AveragePool", "", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }), ("ceil_mode", 1)),
        ["GlobalAveragePool 8, Flatten"] = () => new OnnxGraphs(8, Image).Weight("w", 7).Node("Mul", "x w", "a").Node("GlobalAveragePool", "a", "b")
            .Node("Flatten", "b", "y").Output("y"),
        ["GlobalMaxPool 13"] = () => new OnnxGraphs(13, Image).On("GlobalMaxPool"),
        ["Flatten 13, an axis"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Flatten", "a", "f", ("axis", 2))
            .Ints("shape", -1, 24).Node("Reshape", "f shape", "y").Output("y"),
        ["Reshape 8, as it is and the rest"] = () => new OnnxGraphs(8, 4, 6).Ints("shape", 0, 2, -1).On("Reshape", "shape"),
        ["Reshape 14, by the batch's own size"] = OwnSize,
        ["Transpose 13"] = () => new OnnxGraphs(13, 4, 6).On("Transpose", "", ("perm", new[] { 0, 2, 1 })),
        ["Concat 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Concat", "a x", "y", ("axis", -2)).Output("y"),
        ["Split 11, equal"] = () => new OnnxGraphs(11, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Split", "a", "b c", ("axis", 2))
            .Node("Sub", "c b", "y").Output("y"),
        ["Split 11, given"] = () => new OnnxGraphs(11, 4, 6).Weight("w", 6).Node("Mul", "x w", "a")
            .Node("Split", "a", "b c", ("axis", 2), ("split", new[] { 4, 2 })).Node("Concat", "c b", "y", ("axis", 2)).Output("y"),
        ["Split 13, given"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Ints("sizes", 1, 5).Node("Mul", "x w", "a")
            .Node("Split", "a sizes", "b c", ("axis", -1)).Node("Concat", "c b", "y", ("axis", 2)).Output("y"),
        ["Split 18, in parts that differ"] = () => new OnnxGraphs(18, 4, 7).Weight("w", 7).Node("Mul", "x w", "a")
            .Node("Split", "a", "b c", ("axis", -1), ("num_outputs", 2)).Node("Concat", "c b", "y", ("axis", 2)).Output("y"),
        ["Slice 9"] = () => new OnnxGraphs(9, 4, 6).On("Slice", "", ("starts", new[] { 1, -4 }), ("ends", new[] { 3, 1000 }), ("axes", new[] { 1, 2 })),
        ["Slice 13, steps"] = () => new OnnxGraphs(13, 4, 7).Ints("starts", 0, -1).Ints("ends", 4, -1000).Ints("axes", 1, 2).Ints("steps", 2, -3)
            .On("Slice", "starts ends axes steps"),
        ["Slice 13, backwards over nothing"] = () => new OnnxGraphs(13, 4).Weight("w", 4).Ints("zero", 0).Ints("one", 1).Ints("last", -1).Ints("first", -100)
            .Node("Mul", "x w", "a").Node("Slice", "a zero zero one", "none").Node("Slice", "none last first one last", "b")
            .Node("Concat", "a b", "y", ("axis", 1)).Output("y"),
        ["Gather 13, from the end"] = () => new OnnxGraphs(13, 4, 6).Ints("places", 0, -1, 2).On("Gather", "places", ("axis", 1)),
        ["Gather 13, of an embedding"] = () => new OnnxGraphs(13).Input("ids", Kind.Int64, 4).Weight("table", 5, 3).Node("Gather", "table ids", "y").Output("y"),
        ["Unsqueeze, Squeeze 11"] = () => new OnnxGraphs(11, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Unsqueeze", "a", "b", ("axes", new[] { 1, -1 }))
            .Node("Squeeze", "b", "y", ("axes", new[] { 1 })).Output("y"),
        ["Unsqueeze, Squeeze 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Ints("two", 1, -1).Ints("one", -1).Node("Mul", "x w", "a")
            .Node("Unsqueeze", "a two", "b").Node("Squeeze", "b one", "y").Output("y"),
        ["Pad 8"] = () => new OnnxGraphs(8, 4, 6).On("Pad", "", ("pads", new[] { 0, 1, 2, 0, 0, -1 }), ("value", 0.5)),
        ["Pad 13, reflected"] = () => new OnnxGraphs(13, 4, 6).Ints("pads", 0, 1, 2, 0, 2, 3).On("Pad", "pads", ("mode", "reflect")),
        ["Pad 13, edge"] = () => new OnnxGraphs(13, 4, 6).Ints("pads", 0, 1, 2, 0, 2, 3).On("Pad", "pads", ("mode", "edge")),
        ["Pad 18, axes and value"] = () => new OnnxGraphs(18, 4, 6).Ints("pads", 2, 1).Number("value", 3).Ints("axes", -1).On("Pad", "pads value axes"),
        ["Pad 19, wrapped"] = () => new OnnxGraphs(19, 4, 6).Ints("pads", 0, 1, 2, 0, 2, 3).On("Pad", "pads", ("mode", "wrap")),
        ["Clip 8"] = () => new OnnxGraphs(8, 6).On("Clip", "", ("min", -0.2), ("max", 0.3)),
        ["Clip 13, above only"] = () => new OnnxGraphs(13, 6).Number("most", 0.3f).On("Clip", "- most"),
        ["Clip 13, of whole numbers"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Ints("n", (1 << 24) + 1).Ints("even", 1 << 24)
            .Ints("low", 0).Ints("high", long.MaxValue).Node("Squeeze", "low", "least").Node("Squeeze", "high", "most").Node("Mul", "x w", "a")
            .Node("Clip", "n least most", "c").Node("Clip", "c least", "d").Node("Clip", "d - most", "e").Node("Sub", "e even", "rest")
            .Node("Cast", "rest", "f", ("to", (int)Kind.Float)).Node("Mul", "a f", "y").Output("y"),
        ["Constant, ConstantOfShape 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Shape", "a", "size")
            .Node("ConstantOfShape", "size", "filled", ("value", Filled(2.5f))).Node("Constant", "", "half", ("value_float", 0.5))
            .Node("Mul", "filled half", "b").Node("Add", "a b", "y").Output("y"),
        ["ReduceMean 13"] = () => new OnnxGraphs(13, 4, 6).On("ReduceMean", "", ("axes", new[] { -1 }), ("keepdims", 0)),
        ["ReduceMean 18"] = () => new OnnxGraphs(18, 4, 6).Ints("axes", 1).On("ReduceMean", "axes"),
        ["ReduceSum 13"] = () => new OnnxGraphs(13, 4, 6).Ints("axes", 1, 2).On("ReduceSum", "axes", ("keepdims", 0)),
        ["ReduceMax 13, ReduceMin 18"] = () => new OnnxGraphs(18, 4, 6).Ints("axes", 1).Weight("w", 6).Node("Mul", "x w", "a").Node("ReduceMin", "a axes", "b")
            .Node("ReduceMax", "a axes", "c").Node("Add", "b c", "y").Output("y"),
        ["ReduceMax 8"] = () => new OnnxGraphs(8, 4, 6).On("ReduceMax", "", ("axes", new[] { -1 }), ("keepdims", 0)),
        ["Cast 13, to whole numbers and back"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Number("ten", 10).Node("Mul", "x w", "a").Node("Mul", "a ten", "b")
            .Node("Cast", "b", "c", ("to", (int)Kind.Int64)).Node("Cast", "c", "y", ("to", (int)Kind.Float)).Output("y"),
        ["Expand 13"] = () => new OnnxGraphs(13, 1, 6).Ints("shape", 1, 3, 1).On("Expand", "shape"),
        ["Where, Greater 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Greater", "a x", "more")
            .Node("Where", "more a x", "y").Output("y"),
        ["Where, Equal, Range 13"] = Ranged,
        ["Less, And, Or, Not 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Less", "a x", "less")
            .Node("Not", "less", "more").Node("And", "less more", "none").Node("Or", "none more", "b").Node("Where", "b a x", "y").Output("y"),
        ["Identity, Dropout 13"] = () => new OnnxGraphs(13, 6).Weight("w", 6).Node("Identity", "w", "v").Node("Mul", "x v", "a")
            .Node("Dropout", "a", "y").Output("y"),
        ["Dropout 10, its mask named"] = () => new OnnxGraphs(10, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Dropout", "a", "y mask").Output("y"),
        ["Dropout 13, its mask named in a branch"] = MaskedBranch,
        ["HardSwish by Clip 11"] = () => new OnnxGraphs(11, 6).Weight("w", 6).Number("three", 3).Number("zero", 0).Number("six", 6).Node("Mul", "x w", "a")
            .Node("Add", "a three", "b").Node("Clip", "b zero six", "c").Node("Div", "c six", "d").Node("Mul", "a d", "y").Output("y"),
        ["Size 13"] = () => new OnnxGraphs(13, 4, 6).Weight("w", 6).Ints("shape", -1, 4, 6).Node("Mul", "x w", "a").Node("Size", "w", "n")
            .Node("Cast", "n", "f", ("to", (int)Kind.Float)).Node("Mul", "a f", "y").Output("y"),
        ["LSTM 14"] = () => Recurrent("LSTM", 4, 1),
        ["LSTM 14, both directions"] = () => Recurrent("LSTM", 4, 2, ("direction", "bidirectional")),
        ["GRU 14"] = () => Recurrent("GRU", 3, 1),
        ["GRU 14, reset afterwards"] = () => Recurrent("GRU", 3, 1, ("linear_before_reset", 1)),
        ["GRU 14, backwards"] = () => Recurrent("GRU", 3, 1, ("direction", "reverse"), ("linear_before_reset", 1)),
    };

    private static OnnxGraphs Conv(long opset, long groups, params (string, object)[] attributes) =>
        new OnnxGraphs(opset, Image).Weight("w", 6, 4 / groups, 3, 3).Weight("b", 6).Node("Conv", "x w b", "y", attributes).Output("y");

    private static OnnxGraphs Transposed(params (string Name, object Value)[] attributes) =>
        new OnnxGraphs(17, Image).Weight("w", 4, 3, 3, 2).Weight("b", attributes.Any(attribute => attribute.Name == "group") ? 6 : 3)
            .Node("ConvTranspose", "x w b", "y", attributes).Output("y");

    private static OnnxGraphs Batch(long opset, params (string, object)[] attributes) => new OnnxGraphs(opset, Image)
        .Weight("g", 4).Weight("b", 4).Weight("mean", 4).Positive("var", 4).Node("BatchNormalization", "x g b mean var", "y", attributes).Output("y");

    // 0.5 x (1 + erf(x / sqrt 2))
    private static OnnxGraphs Gelu() => new OnnxGraphs(13, 6).Weight("w", 6).Number("root", MathF.Sqrt(2)).Number("one", 1).Number("half", 0.5f)
        .Node("Mul", "x w", "a").Node("Div", "a root", "b").Node("Erf", "b", "c").Node("Add", "c one", "d").Node("Mul", "a d", "e")
        .Node("Mul", "e half", "y").Output("y");

    private static OnnxGraphs LayerNorm() => new OnnxGraphs(13, 4, 6).Weight("g", 6).Weight("b", 6).Number("two", 2).Number("eps", 1e-5f)
        .Node("ReduceMean", "x", "m", ("axes", new[] { -1 })).Node("Sub", "x m", "d").Node("Pow", "d two", "q")
        .Node("ReduceMean", "q", "v", ("axes", new[] { -1 })).Node("Add", "v eps", "e").Node("Sqrt", "e", "r").Node("Div", "d r", "n")
        .Node("Mul", "n g", "s").Node("Add", "s b", "y").Output("y");

    // One sample goes through one branch, three through the other; both take values and an initialiser of the graph around them.
    private static OnnxGraphs Branched()
    {
        var graph = new OnnxGraphs(13, 4, 6).Weight("w", 6).Weight("v", 6).Ints("zero", 0).Ints("one", 1).Node("Mul", "x w", "a").Node("Shape", "a", "size")
            .Node("Gather", "size zero", "n").Node("Equal", "n one", "single");
        var then = new OnnxGraphs(13).Weight("inner", 6).Node("Mul", "a v", "p").Node("Add", "p inner", "q").Output("q");
        var otherwise = new OnnxGraphs(13).Node("Sub", "a x", "r").Output("r");
        return graph.Node("If", "single", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Output("y");
    }

    private static OnnxGraphs MaskedBranch()
    {
        var then = new OnnxGraphs(13).Node("Dropout", "a", "p mask").Output("p");
        var otherwise = new OnnxGraphs(13).Node("Neg", "a", "q").Output("q");
        return new OnnxGraphs(13, 6).Weight("w", 6).Ints("zero", 0).Ints("one", 1).Node("Mul", "x w", "a").Node("Shape", "a", "size")
            .Node("Gather", "size zero", "n").Node("Equal", "n one", "single")
            .Node("If", "single", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Output("y");
    }

    // view(x.size(0), -1) as PyTorch writes it.
    private static OnnxGraphs OwnSize() => new OnnxGraphs(14, 4, 6).Weight("w", 6).Ints("zero", 0).Ints("rest", -1).Node("Mul", "x w", "a")
        .Node("Shape", "a", "size").Node("Gather", "size zero", "n").Node("Concat", "n rest", "shape", ("axis", 0))
        .Node("Reshape", "a shape", "y").Output("y");

    // Each row keeps the place that has its own number.
    private static OnnxGraphs Ranged()
    {
        var graph = new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a");
        foreach (var (name, value) in new[] { ("from", 0L), ("to", 6L), ("by", 1L), ("third", 3L) })
        {
            graph.Ints(name, value);
            graph.Model.Graph.Initializer[^1].Dims.Clear();
        }

        return graph.Node("Range", "from to by", "places").Node("Equal", "places third", "same").Node("Where", "same a x", "y").Output("y");
    }

    // Time comes first in ONNX; the batch does in the network. Initial states are given, the last state is added to each output.
    private static OnnxGraphs Recurrent(string type, long gates, long directions, params (string, object)[] attributes)
    {
        var graph = new OnnxGraphs(14, 5, 3).Weight("W", directions, gates * 4, 3).Weight("R", directions, gates * 4, 4).Weight("B", directions, 2 * gates * 4)
            .Node("Transpose", "x", "t", ("perm", new[] { 1, 0, 2 }))
            .Node(type, "t W R B", "Y H", [("hidden_size", 4), .. attributes])
            .Node("Add", "Y H", "z")
            .Node("Transpose", "z", "y", ("perm", new[] { 2, 0, 1, 3 }));
        return graph.Output("y");
    }

    private static TensorProto Filled(float value)
    {
        var tensor = new TensorProto { DataType = (int)Kind.Float };
        tensor.Dims.Add(1);
        tensor.FloatData.Add(value);
        return tensor;
    }
}
