using Google.Protobuf;
using Onnx;
using Xunit;
using Kind = Onnx.TensorProto.Types.DataType;

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

    // It would have no effect: such a Clip bounded nothing.
    [Theory]
    [InlineData("Clip", 13, "min")]
    [InlineData("ReduceMean", 18, "axes")]
    [InlineData("Squeeze", 13, "axes")]
    [InlineData("Pad", 13, "value")]
    [InlineData("Slice", 13, "axes")]
    public void AnAttributeThatBecameAnInputIsRefused(string type, int opset, string attribute)
    {
        var graph = new OnnxGraphs(opset, 1, 4).Ints("pads", 0, 0, 0, 0, 0, 0).Ints("zero", 0).Ints("one", 1);
        object value = attribute == "axes" ? new[] { 1 } : 0.5;
        graph.On(type, type switch { "Pad" => "pads", "Slice" => "zero one", _ => "" }, (attribute, value));
        Assert.Contains($"the attribute '{attribute}', which is input", Refused<NotSupportedException>(graph));
    }

    [Theory]
    [InlineData("Clip", 8)]
    [InlineData("ReduceMean", 13)]
    [InlineData("Squeeze", 11)]
    [InlineData("Pad", 8)]
    [InlineData("Slice", 8)]
    public void AnInputThatIsAnAttributeYetIsRefused(string type, int opset)
    {
        var graph = new OnnxGraphs(opset, 1, 4).Ints("one", 1).On(
            type, "one", type switch { "Pad" => [("pads", new int[6])], "Slice" => [("starts", new[] { 0 }), ("ends", new[] { 1 })], _ => [] });
        Assert.Contains("it has an input 2, which is the attribute", Refused<NotSupportedException>(graph));
    }

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

    // Two samples pass.
    [Fact]
    public void ABatchThatIsFixedToTwoIsRefused()
    {
        var graph = new OnnxGraphs(13, 4, 6).Ints("shape", 2, 24).On("Reshape", "shape");
        graph.Model.Graph.Input[0].Type.TensorType.Shape.Dim[0] = new TensorShapeProto.Types.Dimension { DimValue = 2 };
        Assert.Contains("three samples", Refused<NotSupportedException>(graph));
    }

    [Fact]
    public void ABatchThatIsStatedAsTwoAndUsedAsAnyIsFree()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).On("Relu");
        graph.Model.Graph.Input[0].Type.TensorType.Shape.Dim[0] = new TensorShapeProto.Types.Dimension { DimValue = 2 };
        Assert.Equal([4L], TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).OutputShape);
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

    [Fact]
    public void AProductWithASingleNumberIsRefused() =>
        Assert.Contains("single number", Refused<NotSupportedException>(new OnnxGraphs(13, 4).Number("w", 2).Node("MatMul", "x w", "y").Output("y")));

    [Fact]
    public void ANodeWithoutOutputsIsRefused()
    {
        var then = new OnnxGraphs(13).Node("Relu", "w", "none").Node("Neg", "a", "p").Output("p");
        then.Model.Graph.Node[0].Output.Clear();
        var otherwise = new OnnxGraphs(13).Node("Abs", "a", "q").Output("q");
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Number("zero", 0).Node("Mul", "x w", "a").Node("Equal", "zero zero", "c")
            .Node("If", "c", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Output("y");
        Assert.Contains("(Relu, opset 13) is not supported: it has no outputs", Refused<NotSupportedException>(graph));
    }

    [Fact]
    public void AMaskThatIsTakenIsRefused() => Assert.Contains("output 2 is wanted", Refused<NotSupportedException>(
        new OnnxGraphs(10, 4).Weight("w", 4).Node("Mul", "x w", "a").Node("Dropout", "a", "b mask").Node("Cast", "mask", "f", ("to", (int)Kind.Float))
            .Node("Mul", "b f", "y").Output("y")));

    [Fact]
    public void OutputsWithoutNamesAreNotTakenForOne() => Assert.Contains("output 2 is wanted", Refused<NotSupportedException>(
        new OnnxGraphs(13, 4).Weight("v", 4).Weight("w", 4).Node("Identity", "v", " a").Node("Identity", "w", " b").Node("Mul", "x a", "c")
            .Node("Add", "c b", "y").Output("y")));

    [Fact]
    public void NumbersInAnotherTypesListAreNoneOfTheTensors()
    {
        var graph = new OnnxGraphs(13, 4).On("Relu");
        var tensor = graph.Model.Graph.Initializer[0];
        tensor.RawData = ByteString.Empty;
        tensor.Int32Data.AddRange([1, 2, 3, 4]);
        Assert.Contains("0 numbers in 'scale'", Refused<CheckpointFormatException>(graph));
    }

    // Their sum is no number of 64 bits.
    [Fact]
    public void PartsThatNoAxisHasAreRefused() => Assert.Contains("cannot be split", Refused<NotSupportedException>(
        new OnnxGraphs(13, 4).Weight("w", 4).Ints("sizes", long.MaxValue, long.MaxValue).Node("Mul", "x w", "a")
            .Node("Split", "a sizes", "y z", ("axis", 1)).Output("y")));

    [Theory]
    [InlineData("node")]
    [InlineData("setting")]
    [InlineData("tensor")]
    [InlineData("place")]
    public void TextOfAFileIsCutAndStaysOnOneLineOfAMessage(string kind)
    {
        var text = $"\n\u001b[2J{new string('x', 5000)}";
        var graph = kind == "setting" ? new OnnxGraphs(13, 4, 4, 4).On("MaxPool", "", ("kernel_shape", new[] { 2, 2 }), ("auto_pad", text)) : new OnnxGraphs(13, 4).On("Sinh");
        var tensor = graph.Model.Graph.Initializer[0];
        if (kind == "node")
            graph.Model.Graph.Node[1].Name = text;
        if (kind == "tensor")
            (tensor.Name, tensor.Dims[0]) = (text, 5);
        if (kind == "place")
        {
            (tensor.RawData, tensor.DataLocation) = (ByteString.Empty, TensorProto.Types.DataLocation.External);
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = $"../{text[..3000]}" });
        }

        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", graph.Bytes());
        var message = Assert.ThrowsAny<Exception>(() => TargetNetwork.FromOnnx(path)).Message;
        Assert.Contains("xxx…", message);
        Assert.DoesNotContain(message, symbol => char.IsControl(symbol));
        Assert.DoesNotContain(new string('x', 201), message);
    }

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
