using Onnx;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>Each operator computes what ONNX Runtime does, for one sample and for several.</summary>
public sealed class OperatorTests
{
    public static TheoryData<string> Names => [.. OperatorCases.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void AnOperatorAgreesWithOnnxRuntime(string name) => Agreement.Check(OperatorCases.All[name]());

    [Theory]
    [InlineData("nearest", "asymmetric", "floor", 2.0, 1.5)]
    [InlineData("nearest", "half_pixel", "round_prefer_floor", 0.6, 2.2)]
    [InlineData("nearest", "half_pixel", "round_prefer_ceil", 1.7, 0.4)]
    [InlineData("nearest", "align_corners", "ceil", 1.7, 2.0)]
    [InlineData("linear", "half_pixel", "floor", 2.0, 1.6)]
    [InlineData("linear", "pytorch_half_pixel", "floor", 0.5, 0.15)]
    [InlineData("linear", "align_corners", "floor", 2.0, 3.0)]
    [InlineData("cubic", "half_pixel", "floor", 2.0, 1.6)]
    [InlineData("cubic", "asymmetric", "floor", 1.5, 0.7)]
    public void ResizeAgrees(string mode, string coordinates, string nearest, double height, double width)
    {
        foreach (var opset in new[] { 11, 13, 18 })
            Agreement.Check(new OnnxGraphs(opset, 4, 9, 7).Floats("roi", [0], []).Floats("scales", [4], [1, 1, (float)height, (float)width]).On(
                "Resize", "roi scales", ("mode", mode), ("coordinate_transformation_mode", coordinates), ("nearest_mode", nearest)));
    }

    [Fact]
    public void ResizeToSizesAgrees()
    {
        var graph = new OnnxGraphs(13, 4, 9, 7).Ints("more", 12, 14).Ints("two", 2).Ints("zero", 0);
        graph.Weight("scale", 7).Node("Mul", "x scale", "s").Node("Shape", "s", "size").Node("Slice", "size zero two", "front")
            .Node("Concat", "front more", "sizes", ("axis", 0)).Node("Resize", "s - - sizes", "y", ("mode", "linear")).Output("y");
        Agreement.Check(graph);
    }

    // Cut off at the end, not after each axis, as ONNX Runtime has it.
    [Fact]
    public void ResizeOfWholeNumbersAgrees() => Agreement.Check(new OnnxGraphs(13, 2, 4, 5).Weight("w", 4, 5).Number("ten", 10).Node("Mul", "x w", "a")
        .Node("Mul", "a ten", "b").Node("Cast", "b", "whole", ("to", (int)Kind.Int32)).Floats("roi", [0], []).Floats("scales", [4], [1, 1, 2, 1.5f])
        .Node("Resize", "whole roi scales", "r", ("mode", "linear")).Node("Cast", "r", "y", ("to", (int)Kind.Float)).Output("y"));

    [Fact]
    public void ResizeOfOpset10Agrees() =>
        Agreement.Check(new OnnxGraphs(10, 4, 9, 7).Floats("scales", [4], [1, 1, 2, 3]).On("Resize", "scales", ("mode", "nearest")));

    // Ten times 0.7 in single precision are 7; in double precision they are less, for what a float holds of 0.7 is.
    [Fact]
    public void TheSizeThatAScaleGivesIsRoundedInSinglePrecision() =>
        Agreement.Check(new OnnxGraphs(13, 4, 10, 10).Floats("roi", [0], []).Floats("scales", [4], [1, 1, 0.7f, 0.7f]).On("Resize", "roi scales", ("mode", "linear")));

    // The last window would begin in the padding at the end.
    [Theory]
    [InlineData(5, 2)]
    [InlineData(2, 3)]
    public void AnAveragePoolingWithCeilingWhosePaddingCountsAgreesWithLibtorch(int size, int window)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        int[] windows = [window, window];
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", new OnnxGraphs(19, 2, size, size).On(
            "AveragePool", "", ("kernel_shape", windows), ("strides", windows), ("pads", new[] { 1, 1, 1, 1 }), ("ceil_mode", 1), ("count_include_pad", 1)).Bytes()));
        var input = Agreement.Sample(target.Inputs[0], 3);
        using var pretrained = PretrainedWeights.Of(target);
        var expected = nn.functional.avg_pool2d(input * pretrained.Find("scale")!, [window, window], [window, window], [1, 1], ceil_mode: true, count_include_pad: true);
        var actual = Agreement.Ours(target, [input]);
        Assert.Equal(expected.shape, actual.shape);
        Agreement.AssertClose(Small.Values(expected), Small.Values(actual));
    }

    // What a node makes of constants is in the precision of the pass; an initializer is as it is stored.
    [Fact]
    public void ConstantsInDoublePrecisionAgree() => Agreement.Check(
        new OnnxGraphs(13, 6).Weight("w", 6).Stored("stored", TensorProto.Types.DataType.Double).Node("Mul", "x w", "a")
            .Node("Constant", "", "made", ("value", new TensorProto { DataType = (int)TensorProto.Types.DataType.Double, DoubleData = { 1.5 } }))
            .Node("Mul", "stored made", "both").Node("Cast", "both", "factor", ("to", (int)TensorProto.Types.DataType.Float)).Node("Mul", "a factor", "y").Output("y"));

    // In single precision 0.3 / 0.1 is above 3, which would be a fourth number.
    [Fact]
    public void ARangeOfStoredDoublesHasAsManyNumbersAsTheyGive() => Agreement.Check(
        new OnnxGraphs(13, 3).Weight("w", 3).Node("Mul", "x w", "a").Double("start", 0).Double("limit", 0.3).Double("delta", 0.1)
            .Node("Range", "start limit delta", "places").Node("Cast", "places", "factor", ("to", (int)TensorProto.Types.DataType.Float))
            .Node("Mul", "a factor", "y").Output("y"));

    // The processor's division of these two ends the process.
    [Fact]
    public void TheLeastWholeNumberByMinusOneWraps()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 3).Weight("w", 3).Node("Mul", "x w", "a").Ints("left", long.MinValue, -7, 7).Ints("right", -1, 2, -1)
            .Node("Div", "left right", "parts").Node("Cast", "parts", "floats", ("to", (int)TensorProto.Types.DataType.Float)).Node("Add", "a floats", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = DirectModel.For(target, seed: 1);
        using var scope = NewDisposeScope();
        Assert.Equal([long.MinValue, -3f, -7f], model.Predict(zeros(1, 3)).data<float>().ToArray());
    }

    [Theory]
    [InlineData("AveragePool", 3, 2, 0)]
    [InlineData("MaxPool", 3, 2, 0)]
    [InlineData("AveragePool", 7, 3, 1)]
    [InlineData("MaxPool", 7, 3, 1)]
    public void AWindowThatIsLongerThanWhatThereIsIsRefusedAtAnyStride(string type, int kernel, int stride, int ceiling)
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 2, 1, 2).Weight("w", 2, 1, 2).Node("Mul", "x w", "a")
            .Node(type, "a", "y", ("kernel_shape", new[] { 1, kernel }), ("strides", new[] { 1, stride }), ("ceil_mode", ceiling)).Output("y");
        Assert.ThrowsAny<NotSupportedException>(() => TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())));
    }

    [Fact]
    public void ANetworkOfSeveralInputsAgrees() => Agreement.Check(
        new OnnxGraphs(13, 4).Input("other", TensorProto.Types.DataType.Float, 4).Weight("w", 4).Node("Mul", "other w", "a").Node("Add", "x a", "y").Output("y"));
}
