using Onnx;
using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>What a file of a few bytes may ask of the machine.</summary>
public sealed class LimitsTests
{
    // Two views that take no memory, and whose result would take 2 GiB.
    public static TheoryData<string> Growing => [.. Results.Keys];

    private static readonly Dictionary<string, Func<OnnxGraphs, OnnxGraphs>> Results = new()
    {
        ["Add"] = graph => graph.Node("Add", "column row", "big"),
        ["Max"] = graph => graph.Node("Max", "column row", "big"),
        ["Less"] = graph => graph.Node("Less", "column row", "less").Node("Cast", "less", "big", ("to", (int)Kind.Float)),
        ["Pow"] = graph => graph.Node("Pow", "column row", "big"),
        ["Where"] = graph => graph.Node("Equal", "one one", "same").Node("Where", "same column row", "big"),
        ["MatMul"] = graph => graph.Node("MatMul", "column row", "big"),
        ["MatMul, many batches"] = graph => graph.Ints("square", 1, 16384, 1, 1).Ints("tall", 32768, 1, 1, 1).Node("Expand", "one square", "left")
            .Node("Expand", "one tall", "right").Node("MatMul", "left right", "big"),
        ["Gemm"] = graph => graph.Node("Gemm", "column row", "big"),
        ["Gemm, of its third input"] = graph => graph.Ints("unit", 1, 1).Node("Expand", "one unit", "single").Node("Gemm", "column single row", "big"),
        ["Gather"] = graph => graph.Ints("zero", 0).Ints("long", 32768).Node("Expand", "zero long", "places").Node("Gather", "row places", "big"),
        ["Concat"] = graph => graph.Ints("wide", 1, 1 << 27).Node("Expand", "one wide", "part").Node("Concat", "part part part", "big", ("axis", 1)),
    };

    [Theory]
    [MemberData(nameof(Growing))]
    public void AResultThatNoMachineHoldsIsRefusedBeforeItIsComputed(string name)
    {
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Floats("one", [1, 1], [1]).Ints("rows", 32768, 1).Ints("columns", 1, 16384)
            .Node("Expand", "one rows", "column").Node("Expand", "one columns", "row").Node("Mul", "x w", "a");
        Results[name](graph).Node("ReduceMax", "big", "most").Node("Add", "a most", "y").Output("y");
        Assert.Contains("elements", Assert.Throws<ArgumentException>(() => Read(graph)).Message);
    }

    [Theory]
    [InlineData("Conv")]
    [InlineData("MaxPool")]
    [InlineData("AveragePool")]
    [InlineData("ConvTranspose")]
    public void ALayerWhoseOutputNoMachineHoldsIsRefused(string type)
    {
        var graph = new OnnxGraphs(13, 1, 8, 8).Weight("w", 1, 1, 1, 1).Weight("v", 8).Node("Mul", "x v", "a");
        (string, object) growth = type == "ConvTranspose" ? ("strides", new[] { 2000, 2000 }) : ("pads", new[] { 6000, 6000, 6000, 6000 });
        graph.Node(type, type.StartsWith("Conv", StringComparison.Ordinal) ? "a w" : "a", "y", ("kernel_shape", new[] { 1, 1 }), growth).Output("y");
        Assert.Contains("elements", Assert.Throws<NotSupportedException>(() => Read(graph)).Message);
    }

    // One axis would grow before the other shrinks.
    [Theory]
    [InlineData("Resize")]
    [InlineData("Pad")]
    public void AnIntermediateResultThatNoMachineHoldsIsRefused(string type)
    {
        var graph = new OnnxGraphs(13, 1, 1, 1024);
        graph = type == "Pad"
            ? graph.Ints("pads", 0, 0, 1 << 18, 0, 0, 0, 0, -1023).On("Pad", "pads", ("mode", "edge"))
            : graph.Floats("roi", [0], []).Floats("scales", [4], [1, 1, 1 << 18, 1f / 1024]).On("Resize", "roi scales");
        Assert.Contains("elements", Assert.Throws<NotSupportedException>(() => Read(graph)).Message);
    }

    [Fact]
    public void ASequenceWhoseGatesNoMachineHoldsIsRefused()
    {
        var graph = new OnnxGraphs(14, 1 << 18, 1).Weight("W", 1, 1024, 1).Weight("R", 1, 1024, 256)
            .Node("Transpose", "x", "t", ("perm", new[] { 1, 0, 2 })).Node("LSTM", "t W R", "- H", ("hidden_size", 256)).Node("Squeeze", "H", "y").Output("y");
        graph.Model.Graph.Node[1].Output[0] = "";
        Assert.Contains("elements", Assert.Throws<NotSupportedException>(() => Read(graph)).Message);
    }

    // Sums and products of such numbers would be small again, or below 0.
    [Theory]
    [InlineData("Conv", "pads")]
    [InlineData("Conv", "strides")]
    [InlineData("Conv", "dilations")]
    [InlineData("ConvTranspose", "pads")]
    [InlineData("ConvTranspose", "output_padding")]
    [InlineData("MaxPool", "kernel_shape")]
    public void SettingsBeyondAllSizesAreRefused(string type, string setting)
    {
        var graph = new OnnxGraphs(13, 1, 8).Weight("w", 1, 1, 3).Weight("v", 8).Node("Mul", "x v", "a");
        graph.Node(type, type == "MaxPool" ? "a" : "a w", "y", (setting, setting == "pads" ? new[] { 0, 0 } : [1])).Output("y");
        var numbers = graph.Model.Graph.Node[1].Attribute[0].Ints;
        for (var index = 0; index < numbers.Count; index++)
            numbers[index] = long.MaxValue;
        Assert.Contains($"its {setting} are (9223372036854775807", Assert.Throws<NotSupportedException>(() => Read(graph)).Message);
    }

    [Fact]
    public void PadsBeyondAllSizesAreRefused() => Assert.Contains(
        "its pads are", Assert.Throws<NotSupportedException>(() => Read(new OnnxGraphs(13, 4).Ints("pads", 0, long.MaxValue, 0, long.MaxValue).On("Pad", "pads"))).Message);

    [Theory]
    [InlineData(1L << 28)]
    [InlineData(1L << 62)]
    public void AnInputThatNoMachineHoldsIsRefused(long size)
    {
        var graph = new OnnxGraphs(13, size).Weight("w", 1, 2).Node("ReduceMax", "x", "a", ("axes", new[] { 1 })).Node("Mul", "a w", "y").Output("y");
        Assert.Contains("'x'", Assert.Throws<CheckpointFormatException>(() => Read(graph)).Message);
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Equal("inputShapes", Assert.Throws<ArgumentException>(() => TargetNetwork.FromOnnx(path, [[size]])).ParamName);
        Assert.Equal([2L], TargetNetwork.FromOnnx(path, [[3]]).OutputShape);
    }

    [Theory]
    [InlineData("inputs")]
    [InlineData("initializers")]
    [InlineData("constants")]
    [InlineData("values")]
    [InlineData("branch")]
    [InlineData("initializers of a branch")]
    public void WhatAFileCostsIsHeldToTheLimits(string kind)
    {
        var graph = new OnnxGraphs(13, kind == "inputs" ? 2000 : 1).Weight("w", 2).Ints("shape", 1000, 1, 1)
            .Node("ReduceMax", "x", "m", ("axes", new[] { 1 })).Node("Mul", "m w", "a");
        var then = new OnnxGraphs(13).Node("Expand", "a shape", "b").Node("ReduceMax", "b", "p", ("axes", new[] { 0 }), ("keepdims", 0)).Output("p");
        var otherwise = new OnnxGraphs(13).Node("Neg", "a", "q").Output("q");
        graph = kind switch
        {
            "initializers" => graph.Floats("b", [2000], new float[2000]).Node("ReduceMax", "b", "c").Node("Add", "a c", "y"),
            "constants" => graph.Node("ConstantOfShape", "shape", "b").Node("ReduceMax", "b", "c", ("axes", new[] { 0 }), ("keepdims", 0)).Node("Add", "a c", "y"),
            "values" => graph.Node("Expand", "a shape", "b").Node("ReduceMax", "b", "y", ("axes", new[] { 0 }), ("keepdims", 0)),
            "branch" => graph.Number("zero", 0).Node("Equal", "zero zero", "c")
                .Node("If", "c", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)),
            // Of the branch that is never taken: it is in memory all the same.
            "initializers of a branch" => graph.Number("zero", 0).Node("Equal", "zero zero", "c").Node(
                "If", "c", "y", ("then_branch", otherwise.Model.Graph),
                ("else_branch", new OnnxGraphs(13).Floats("b", [2000], new float[2000]).Node("ReduceMax", "b", "d").Node("Add", "a d", "p").Output("p").Model.Graph)),
            _ => graph.Node("Neg", "a", "y"),
        };
        graph.Output("y");
        Assert.Contains("ReadLimits.Bytes", Assert.Throws<CheckpointFormatException>(() => Read(graph, new ReadLimits { Bytes = 3000 })).Message);
        Assert.Equal([2L], Read(graph).OutputShape);
    }

    // What is freed on the way does not count.
    [Fact]
    public void AsManyValuesAsAreHeldAtOnceCount()
    {
        var graph = new OnnxGraphs(13, 100).Weight("w", 100).Node("Mul", "x w", "v0");
        for (var index = 0; index < 20; index++)
            graph.Node("Neg", $"v{index}", $"v{index + 1}");
        Assert.Equal([100L], Read(graph.Output("v20"), new ReadLimits { Bytes = 4000 }).OutputShape);
    }

    // One range of an external file, which may be a hole, does for any number of tensors.
    [Fact]
    public void TensorsThatShareBytesCountEach()
    {
        using var folder = new TemporaryFolder();
        folder.Write("weights.bin", new byte[400]);
        var graph = new OnnxGraphs(13, 100).Weight("w0", 100).Weight("w1", 100).Weight("w2", 100).Node("Mul", "x w0", "a").Node("Add", "a w1", "b")
            .Node("Add", "b w2", "y").Output("y");
        foreach (var tensor in graph.Model.Graph.Initializer)
        {
            (tensor.RawData, tensor.DataLocation) = (Google.Protobuf.ByteString.Empty, TensorProto.Types.DataLocation.External);
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
        }

        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Contains(
            "ReadLimits.Bytes", Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path, limits: new ReadLimits { Bytes = 1100 })).Message);
    }

    // The exporter's Identity nodes give each use a tensor of its own: 4 MB in the file would become 2 GiB.
    [Fact]
    public void CopiesOfOneInitializerThatNoFileHoldsAreRefused()
    {
        var graph = new OnnxGraphs(13, 4).Floats("zeros", [1 << 20], new float[1 << 20]);
        for (var copy = 0; copy < 520; copy++)
            graph.Node("Identity", "zeros", $"copy{copy}");
        graph.Weight("w", 4).Node("Mul", "x w", "y").Output("y");
        Assert.Contains("equal by chance", Assert.Throws<NotSupportedException>(() => Read(graph)).Message);
    }

    [Fact]
    public void CopiesOfOneInitializerBeyondTheLimitsAreRefused()
    {
        var graph = new OnnxGraphs(13, 4).Floats("zeros", [1 << 20], new float[1 << 20]);
        for (var copy = 0; copy < 5; copy++)
            graph.Node("Identity", "zeros", $"copy{copy}");
        graph.Weight("w", 4).Node("Mul", "x w", "y").Output("y");
        var complaint = Assert.Throws<CheckpointFormatException>(() => Read(graph, new ReadLimits { Bytes = 20 << 20 })).Message;
        Assert.Contains("equal by chance", complaint);
        Assert.Contains("ReadLimits.Bytes", complaint);
    }

    // Two bytes of a file, and an object with its lists in memory.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MessagesThatTakeMoreThanTheLimitsAreRefusedBeforeTheyAreMade(bool areNodes)
    {
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "y").Output("y");
        for (var index = 0; index < 40_000; index++)
            if (areNodes)
                graph.Model.Graph.Node.Add(new NodeProto());
            else
                graph.Model.Graph.Node[0].Attribute.Add(new AttributeProto());
        Assert.Contains("ReadLimits.Bytes", Assert.Throws<CheckpointFormatException>(() => Read(graph, new ReadLimits { Bytes = 1 << 20 })).Message);
    }

    [Fact]
    public void AFileBeyondTheLimitsIsRefusedBeforeItIsRead()
    {
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "y").Output("y");
        graph.Model.DocString = new string(' ', 17 << 20);
        Assert.Contains(
            "has 17", Assert.Throws<CheckpointFormatException>(() => Read(graph, new ReadLimits { Bytes = 1 << 20 })).Message, StringComparison.Ordinal);
    }

    // The message of a value that is refused before it is made reckons with floats; these are whole numbers, of eight bytes.
    [Theory]
    [InlineData("ConstantOfShape")]
    [InlineData("Range")]
    [InlineData("Pad")]
    public void AValueBeyondTheLimitsIsRefusedBeforeItsMemoryIsTaken(string type)
    {
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "a").Ints("zero", 0).Ints("one", 1).Ints("many", 1 << 20);
        graph = type switch
        {
            "Range" => graph.Node("Range", "zero many one", "big"),
            "Pad" => graph.Ints("pads", 0, 1 << 20).Ints("few", 1, 2).Node("Pad", "few pads", "big", ("mode", "reflect")),
            _ => graph.Node("ConstantOfShape", "many", "big", ("value", new TensorProto { Dims = { 1 }, DataType = (int)Kind.Int64, Int64Data = { 7 } })),
        };
        graph.Node("ReduceMax", "big", "most").Node("Cast", "most", "number", ("to", (int)Kind.Float)).Node("Add", "a number", "y").Output("y");
        var complaint = Assert.Throws<CheckpointFormatException>(() => Read(graph, new ReadLimits { Bytes = 1 << 20 })).Message;
        Assert.Contains("needs 41943", complaint);
        Assert.Contains("ReadLimits.Bytes", complaint);
    }

    [Fact]
    public void LargerBatchesMayHaveLargerValues() => Assert.Equal(
        4 * GraphPass.MostElements, new GraphPass("net.onnx", ScalarType.Float32, CPU, training: false, samples: 8, ReadLimits.Default.Bytes).MostElementsOfOne);

    [Fact]
    public void AHigherLimitAllowsLargerValues() => Assert.Equal(
        4 * GraphPass.MostElements,
        new GraphPass("net.onnx", ScalarType.Float32, CPU, training: false, samples: 1, 4 * ReadLimits.Default.Bytes).MostElementsOfOne);

    // The limit's elements times the samples are no number of 64 bits.
    [Theory]
    [InlineData(33)]
    [InlineData(64)]
    public void TheHighestLimitAllowsEveryBatch(int samples)
    {
        using var scope = NewDisposeScope();
        var target = Read(new OnnxGraphs(13, 2).Weight("w", 2).Node("Mul", "x w", "y").Output("y"), new ReadLimits { Bytes = long.MaxValue });
        Assert.Equal([samples, 2L], Agreement.Ours(target, [Agreement.Sample(target.Inputs[0], samples)]).shape);
    }

    private static OnnxTarget Read(OnnxGraphs graph, ReadLimits? limits = null)
    {
        using var folder = new TemporaryFolder();
        return TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()), limits: limits);
    }
}
