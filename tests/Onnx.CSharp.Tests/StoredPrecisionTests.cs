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
}
