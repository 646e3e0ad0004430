using Google.Protobuf;
using Onnx;
using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>A model reads its initialisers from files in its folder, and nothing else from anywhere.</summary>
public sealed class ExternalFilesTests
{
    // Messages call the tensor's place by the node's name, which must not become a path: this one leads to the folder.
    [Theory]
    [InlineData("Constant")]
    [InlineData("ConstantOfShape")]
    [InlineData("If")]
    public void ATensorOfANodeIsNotReadFromAFile(string type)
    {
        using var folder = new TemporaryFolder();
        folder.Write("secret.bin", [.. OnnxGraphs.Bytes([1])]);
        var tensor = External("secret.bin");
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Ints("one", 1).Number("zero", 0).Node("Mul", "x w", "a");
        if (type == "If")
        {
            var then = new OnnxGraphs(13).Node("Add", "a inner", "p").Output("p");
            then.Model.Graph.Initializer.Add(tensor);
            var otherwise = new OnnxGraphs(13).Node("Neg", "a", "q").Output("q");
            graph.Node("Equal", "zero zero", "c").Node("If", "c", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph));
        }
        else
        {
            graph.Node(type, type == "Constant" ? "" : "one", "b", ("value", tensor)).Node("Add", "a b", "y");
        }

        graph.Model.Graph.Node.Single(node => node.OpType == type).Name = $"x/../{Path.GetRelativePath(Environment.CurrentDirectory, folder.Path)}/y";
        var path = folder.Write("net.onnx", graph.Output("y").Bytes());
        Assert.Contains("external file", Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path)).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ALinkOutOfTheFolderIsRefused(bool isFolder)
    {
        using var folder = new TemporaryFolder();
        using var other = new TemporaryFolder();
        var graph = ReadingTests.Normalised();
        ReadingTests.Externalised(graph, other);
        if (isFolder)
            Directory.CreateSymbolicLink(folder.File("data"), other.Path);
        else
            File.CreateSymbolicLink(folder.File("weights.bin"), other.File("weights.bin"));
        Place(graph, isFolder ? "data/weights.bin" : "weights.bin");
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Contains("a link to what is not in the model's folder", Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path)).Message);
    }

    [Fact]
    public void LinksThatGoRoundAreRefused()
    {
        using var folder = new TemporaryFolder();
        var graph = ReadingTests.Normalised();
        var path = ReadingTests.Externalised(graph, folder);
        File.Delete(folder.File("weights.bin"));
        File.CreateSymbolicLink(folder.File("weights.bin"), folder.File("back.bin"));
        File.CreateSymbolicLink(folder.File("back.bin"), folder.File("weights.bin"));
        Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path));
    }

    // As in Hugging Face's cache.
    [Fact]
    public void AModelAndItsDataThatAreLinksIntoOneFolderAreRead()
    {
        using var folder = new TemporaryFolder();
        using var blobs = new TemporaryFolder();
        ReadingTests.Externalised(ReadingTests.Normalised(), blobs);
        foreach (var name in new[] { "net.onnx", "weights.bin" })
            File.CreateSymbolicLink(folder.File(name), blobs.File(name));
        using var weights = PretrainedWeights.Of(TargetNetwork.FromOnnx(folder.File("net.onnx")));
        Assert.Contains("fc.weight", weights.Names);
    }

    [Fact]
    public void AModelInTheRootHasItsDataBelowIt()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("weights.bin", [.. OnnxGraphs.Bytes([1])]);
        var root = Path.GetPathRoot(path)!;
        Assert.Equal(4, ExternalPlace.Of(Path.Combine(root, "net.onnx"), External(Path.GetRelativePath(root, path)), 4).Read().Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void DataThatIsGoneWhenItIsWantedIsNamed(bool isCut)
    {
        using var folder = new TemporaryFolder();
        var path = ReadingTests.Externalised(ReadingTests.Normalised(), folder);
        var target = TargetNetwork.FromOnnx(path);
        File.Delete(folder.File("weights.bin"));
        if (isCut)
            folder.Write("weights.bin", [1, 2, 3]);
        var message = Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.Of(target)).Message;
        Assert.Contains($"'{path}' has a tensor in 'weights.bin', which {(isCut ? "was cut off" : "is gone")}", message);
    }

    [Fact]
    public void AConstantOfAnotherFileIsWrittenIntoTheOneFileToo()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(17, 4).Weight("w", 3, 4)
            .Node("Gemm", "x w", "a", ("transB", 1)).Node("Reshape", "a shape", "y").Output("y");
        graph.Model.Graph.Initializer.Add(new TensorProto
        {
            Name = "shape",
            DataType = (int)Kind.Int64,
            Dims = { 2 },
            RawData = ByteString.CopyFrom([.. new long[] { -1, 3 }.SelectMany(BitConverter.GetBytes)]),
        });
        var target = TargetNetwork.FromOnnx(ReadingTests.Externalised(graph, folder, only: "shape"));
        using var model = DirectModel.For(target, 1);
        Directory.CreateDirectory(folder.File("elsewhere"));
        var path = Path.Combine(folder.File("elsewhere"), "new.onnx");

        model.ExportOnnx(path);

        var input = Agreement.Sample(target.Inputs[0], 3);
        Agreement.AssertClose(Small.Values(model.Predict(input)), Agreement.Runtime(path, ["x"], [input], "y").Values);
    }

    private static TensorProto External(string location)
    {
        var tensor = new TensorProto { Name = "inner", DataType = (int)Kind.Float, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.Dims.Add(1);
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        return tensor;
    }

    private static void Place(OnnxGraphs graph, string location)
    {
        foreach (var tensor in graph.Model.Graph.Initializer)
            tensor.ExternalData.Single(entry => entry.Key == "location").Value = location;
    }
}
