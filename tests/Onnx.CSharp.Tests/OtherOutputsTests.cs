using Google.Protobuf;
using Onnx;
using Xunit;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>Tensors of types that are not known, which only outputs need that are not asked for.</summary>
public sealed class OtherOutputsTests
{
    private static OnnxGraphs Labelled(Kind type, long count = 3)
    {
        var names = new TensorProto { Name = "names", DataType = (int)type, Dims = { count } };
        if (type == Kind.String)
            names.StringData.AddRange(new[] { "ant", "bee", "cat" }.Select(ByteString.CopyFromUtf8));
        else
            names.RawData = ByteString.CopyFrom([.. Enumerable.Range(1, 24).Select(value => (byte)value)]);
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 3).Ints("first", 0);
        graph.Model.Graph.Initializer.Add(names);
        return graph.Node("MatMul", "x w", "logits").Node("Gather", "names first", "label").Output("logits").Output("label", type);
    }

    [Theory]
    [InlineData(Kind.String)]
    [InlineData(Kind.Uint64)]
    public void ATensorThatAnotherOutputNeedsIsKeptAsItIs(Kind type)
    {
        using var folder = new TemporaryFolder();
        var graph = Labelled(type);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()), output: "logits");
        Assert.Equal([3L], target.OutputShape);
        using var model = DirectModel.For(target, seed: 1);
        var names = graph.Model.Graph.Initializer[^1];
        foreach (var precision in new[] { StoredPrecision.Single, StoredPrecision.Half })
        {
            model.ExportOnnx(folder.File("new.onnx"), precision);
            var written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("new.onnx"))).Graph.Initializer.Single(tensor => tensor.Name == "names");
            Assert.Equal(names.StringData, written.StringData);
            Assert.Equal(names.RawData, written.RawData);
        }
    }

    [Theory]
    [InlineData(Kind.String)]
    [InlineData(Kind.Uint64)]
    public void ATensorThatTheOutputNeedsIsRefusedByItsType(Kind type)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", Labelled(type).Bytes());
        Assert.Contains(
            $"'names' of the type {type}, which is not supported",
            Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path, output: "label")).Message);
    }

    [Fact]
    public void AnImpossibleShapeIsRefusedInAnyType()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", Labelled(Kind.String, -1).Bytes());
        Assert.Contains("'names'", Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path, output: "logits")).Message);
    }

    [Fact]
    public void ABranchThatOnlyAnotherOutputTakesMayHaveTensorsOfAnyType()
    {
        using var folder = new TemporaryFolder();
        var names = Labelled(Kind.Uint64).Model.Graph.Initializer[^1];
        var then = new OnnxGraphs(13).Node("Identity", "names", "p").Output("p", Kind.Uint64);
        then.Model.Graph.Initializer.Add(names);
        var otherwise = new OnnxGraphs(13).Node("Identity", "names", "q").Output("q", Kind.Uint64);
        otherwise.Model.Graph.Initializer.Add(names);
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 3).Ints("zero", 0).Ints("one", 1).Node("MatMul", "x w", "logits").Node("Equal", "zero one", "never")
            .Node("If", "never", "label", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Output("logits").Output("label", Kind.Uint64);
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Equal([3L], TargetNetwork.FromOnnx(path, output: "logits").OutputShape);
        Assert.Contains("of the type Uint64", Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path, output: "label")).Message);
    }
}
