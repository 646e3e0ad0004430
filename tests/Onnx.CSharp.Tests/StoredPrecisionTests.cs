using System.Runtime.InteropServices;
using Google.Protobuf;
using Onnx;
using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>Weights go back into the type in which their file stores them.</summary>
public sealed class StoredPrecisionTests
{
    [Theory]
    [InlineData(Kind.Float16, 65_504f, 1e5f)]
    [InlineData(Kind.Bfloat16, 1e38f, 3.4e38f)]
    public void AWeightThatIsTooLargeForItsFileIsRefused(Kind type, float largest, float tooLarge)
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13).Input("x", type, 4).Stored("w", type, 4).Node("Mul", "x w", "y").Output("y", type);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = DirectModel.For(target, seed: 1);
        using var noGradient = no_grad();
        model.parameters().Single().fill_(largest);
        model.ExportOnnx(folder.File("new.onnx"));
        model.parameters().Single().fill_(tooLarge);
        Assert.Contains("'w'", Assert.Throws<InvalidOperationException>(() => model.ExportOnnx(folder.File("other.onnx"))).Message);
        Assert.False(File.Exists(folder.File("other.onnx")));
    }

    // Neither the file nor the forecast may say that something was rounded which was not.
    [Theory]
    [InlineData(Kind.Float16, StoredPrecision.Int8)]
    [InlineData(Kind.Bfloat16, StoredPrecision.Half)]
    [InlineData(Kind.Double, StoredPrecision.Half)]
    public void AWeightOfAnotherTypeThanSinglePrecisionIsNotRounded(Kind type, StoredPrecision precision)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13).Input("x", type, 4).Stored("w", type, 4, 3).Node("MatMul", "x w", "y").Output("y", type);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = DirectModel.For(target, seed: 1);
        var input = zeros(2, 4);
        var export = Assert.Throws<NotSupportedException>(() => model.ExportOnnx(folder.File("new.onnx"), precision)).Message;
        var forecast = Assert.Throws<NotSupportedException>(() => { model.ExpectedOnnxLoss(precision, input); }).Message;
        Assert.All([export, forecast], message => Assert.Contains($"'w' is {type}", message));
        Assert.False(File.Exists(folder.File("new.onnx")));
        model.ExportOnnx(folder.File("new.onnx"));
        Assert.Equal(type, TargetNetwork.FromOnnx(folder.File("new.onnx")).File.Initializers["w"].Type);
    }

    [Fact]
    public void AVectorOfAnotherTypeIsNoObstacleToRounding()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 3).Stored("s", Kind.Float16, 3).Node("MatMul", "x w", "a")
            .Node("Cast", "a", "b", ("to", (int)Kind.Float16)).Node("Mul", "b s", "y").Output("y", Kind.Float16);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = DirectModel.For(target, seed: 1);
        Assert.True(model.ExpectedOnnxLoss(StoredPrecision.Int8, ones(2, 4)) > 0);
        model.ExportOnnx(folder.File("new.onnx"), StoredPrecision.Int8);
        var written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("new.onnx"))).Graph.Initializer;
        Assert.Equal([Kind.Int8, Kind.Float16], new[] { "w.codes", "s" }.Select(name => (Kind)written.Single(tensor => tensor.Name == name).DataType));
    }

    // The network computes in single precision, in which 0.1 is another number.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ADoubleThatTrainingLeavesAloneKeepsItsDigits(bool isInPlace)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        double[] kept = [0.1, -0.2, 1.0 / 3, 0.7];
        var stored = new TensorProto { Name = "kept", DataType = (int)Kind.Double, Dims = { 4 } };
        if (isInPlace)
            stored.RawData = ByteString.CopyFrom([.. kept.SelectMany(BitConverter.GetBytes)]);
        else
            stored.DoubleData.AddRange(kept);
        var graph = new OnnxGraphs(13).Input("x", Kind.Double, 4).Stored("w", Kind.Double, 4);
        graph.Model.Graph.Initializer.Add(stored);
        graph.Node("Mul", "x w", "a").Node("Add", "a kept", "y").Output("y", Kind.Double);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).WholeWeights("w").Build();
        using (no_grad())
            foreach (var weight in model.parameters())
                weight.mul_(0.5);
        model.ExportOnnx(folder.File("new.onnx"));
        var written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("new.onnx"))).Graph.Initializer
            .ToDictionary(tensor => tensor.Name, tensor => MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray());
        Assert.Equal(kept.Select(BitConverter.DoubleToInt64Bits), written["kept"]);
        Assert.Equal(OnnxGraphs.Values(4).Select(value => BitConverter.DoubleToInt64Bits(value * 0.5)), written["w"]);
    }
}
