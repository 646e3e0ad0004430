using Google.Protobuf;
using Onnx;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What is not understood is refused with its place, and no file ends the process or takes the machine's memory.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData("Sinh", "node 2 'Sinh_1' (Sinh, opset 13)")]
    [InlineData("Loop", "node 2 'Loop_1' (Loop, opset 13)")]
    public void AnOperatorIsRefusedByNameNodeAndOpset(string type, string place) =>
        Assert.Contains(place, Refused<NotSupportedException>(new OnnxGraphs(13, 4).On(type)));

    [Fact]
    public void AForeignDomainIsRefused()
    {
        var graph = new OnnxGraphs(13, 4).On("Gelu");
        graph.Model.Graph.Node[1].Domain = "com.microsoft";
        Assert.Contains("com.microsoft", Refused<NotSupportedException>(graph));
    }

    [Fact]
    public void AnAttributeThatIsNotKnownIsRefused() =>
        Assert.Contains("'slope'", Refused<NotSupportedException>(new OnnxGraphs(13, 4).On("Relu", "", ("slope", 0.1))));

    [Theory]
    [InlineData(7)]
    [InlineData(22)]
    public void OtherOpsetsAreRefused(int opset) => Assert.Contains($"opset {opset}", Refused<NotSupportedException>(new OnnxGraphs(opset, 4).On("Relu")));

    [Fact]
    public void AFixedBatchIsRefused()
    {
        var graph = new OnnxGraphs(13, 4, 6).Ints("shape", 1, 24).On("Reshape", "shape");
        Assert.Contains("two samples", Refused<NotSupportedException>(graph));
    }

    [Fact]
    public void ACycleIsRefused() => Assert.Contains("'b'", Refused<CheckpointFormatException>(
        new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "b w", "a").Node("Relu", "a", "b").Node("Add", "a x", "y").Output("y")));

    [Fact]
    public void AMissingInputIsRefused() => Assert.Contains("'gone'", Refused<CheckpointFormatException>(new OnnxGraphs(13, 4).Node("Mul", "x gone", "y").Output("y")));

    [Fact]
    public void TwoValuesOfOneNameAreRefused() => Assert.Contains("there already", Refused<CheckpointFormatException>(
        new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "y").Node("Relu", "x", "y").Output("y")));

    [Fact]
    public void AnOutputThatNothingGivesIsRefused() =>
        Assert.Contains("'z'", Refused<CheckpointFormatException>(new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "y").Output("z")));

    [Fact]
    public void AFileWithoutWeightsIsRefused() => Assert.Contains("no weights", Refused<CheckpointFormatException>(new OnnxGraphs(13, 4).Node("Relu", "x", "y").Output("y")));

    [Theory]
    [InlineData(5L)]
    [InlineData(-4L)]
    [InlineData(long.MaxValue)]
    public void ATensorWhoseBytesAndShapeDisagreeIsRefused(long size)
    {
        var graph = new OnnxGraphs(13, 4).On("Relu");
        graph.Model.Graph.Initializer[0].Dims[0] = size;
        Assert.Contains("'scale'", Refused<CheckpointFormatException>(graph));
    }

    // A few bytes that would have the reader allocate a terabyte.
    [Theory]
    [InlineData("ConstantOfShape")]
    [InlineData("Expand")]
    public void AShapeThatNoMachineHoldsIsRefused(string type)
    {
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Ints("huge", 1 << 20, 1 << 20).Number("one", 1);
        graph.Node(type, type == "Expand" ? "one huge" : "huge", "a").Node("Mul", "x w", "b").Node("Add", "a b", "y").Output("y");
        Assert.Contains("(1048576, 1048576)", Refused<ArgumentException>(graph));
    }

    [Fact]
    public void AProductThatDoesNotFitIsRefusedAndDoesNotEndTheProcess() =>
        Assert.Contains("have no product", Refused<NotSupportedException>(new OnnxGraphs(13, 3, 4).Weight("w", 5, 6).Node("MatMul", "x w", "y").Output("y")));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(200)]
    public void ACutFileIsRefused(int length)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", ReadingTests.Normalised().Bytes()[..length]);
        Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path));
    }

    [Fact]
    public void AnyFlippedByteIsReadOrRefused()
    {
        using var folder = new TemporaryFolder();
        var bytes = ReadingTests.Normalised().Bytes();
        for (var place = 0; place < bytes.Length; place += 11)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[place] ^= 0x41;
            try
            {
                TargetNetwork.FromOnnx(folder.Write("net.onnx", damaged));
            }
            catch (Exception fault) when (fault is CheckpointFormatException or NotSupportedException or ArgumentException)
            {
            }
        }
    }

    [Fact]
    public void OtherFilesAreRefused()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(folder.Write("a.onnx", [.. "no model at all"u8])));
        Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(folder.Write("b.onnx", new ModelProto().ToByteArray())));
        Assert.Throws<FileNotFoundException>(() => TargetNetwork.FromOnnx(folder.File("gone.onnx")));
    }

    private static string Refused<T>(OnnxGraphs graph)
        where T : Exception
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", graph.Bytes());
        return Assert.Throws<T>(() => TargetNetwork.FromOnnx(path)).Message;
    }
}
