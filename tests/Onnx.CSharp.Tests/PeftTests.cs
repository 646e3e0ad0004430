using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>LoRA adapters of PEFT on networks from files.</summary>
public sealed class PeftTests
{
    [Fact]
    public void FactorsOfConvolutionsAndOfMatricesWithTheirOutputsFirstComeBack()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4, 3, 3).Weight("conv.weight", 6, 4, 3, 3).Node("Conv", "x conv.weight", "c").Node("Flatten", "c", "f")
            .Weight("fc.weight", 2, 6).Node("Gemm", "f fc.weight", "y", ("transB", 1)).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).LowRank(2).Build();
        using (no_grad())
            foreach (var factor in model.TrainedTensors.Values)
                factor.fill_(0.25f);
        model.SavePeftAdapter(folder.File("peft"));
        using var loaded = FineTunedModel.LoadPeftAdapter(folder.File("peft"), target, pretrained);
        Assert.Equal(Small.Values(model.FlatWeights()), Small.Values(loaded.FlatWeights()));
    }

    [Theory]
    [InlineData("MatMul")]
    [InlineData("Gemm")]
    public void FactorsOfAMatrixWithItsInputsFirstAreRefused(string type)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var builder = DirectModel.For(TargetNetwork.Input(2).Linear(2, name: "fc").Build("linear"), seed: 1);
        using var weights = PretrainedWeights.Of(builder);
        using (var linear = FineTuning.Of(builder.Target, weights).LowRank(1).Layers("fc").Build())
            linear.SavePeftAdapter(folder.File("peft"));
        var target = TargetNetwork.FromOnnx(folder.Write(
            "net.onnx", new OnnxGraphs(13, 2).Weight("fc.weight", 2, 2).Node(type, "x fc.weight", "y").Output("y").Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        Assert.Contains("has its inputs first here", Assert.Throws<CheckpointFormatException>(
            () => FineTunedModel.LoadPeftAdapter(folder.File("peft"), target, pretrained)).Message);
    }

    [Theory]
    [InlineData("dilations", "'conv', which is a convolution of the dilation (2, 2)")]
    [InlineData("group", "'conv', which is a convolution in 2 groups")]
    public void FactorsOfAConvolutionThatDoNotFollowItAreRefused(string setting, string why)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        object value = setting == "group" ? 2 : new[] { 2, 2 };
        var graph = new OnnxGraphs(13, 4, 9, 9).Weight("conv.weight", 6, setting == "group" ? 2 : 4, 3, 3)
            .Node("Conv", "x conv.weight", "y", (setting, value)).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        var path = Factors(folder);
        Assert.Contains(why, Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadPeftAdapter(path, target, pretrained)).Message);
    }

    [Theory]
    [InlineData("reflect", false)]
    [InlineData("edge", false)]
    [InlineData("constant", true)]
    public void FactorsOfAConvolutionBehindAPaddingAreReadWhereThatIsOfZeros(string mode, bool isRead)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4, 9, 9).Weight("conv.weight", 6, 4, 3, 3).Ints("sides", 0, 0, 1, 1, 0, 0, 1, 1)
            .Node("Pad", "x sides", "around", ("mode", mode)).Node("Conv", "around conv.weight", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        var path = Factors(folder);
        if (isRead)
            FineTunedModel.LoadPeftAdapter(path, target, pretrained).Dispose();
        else
            Assert.Contains(
                $"'conv', which is a convolution that pads in the mode '{mode}'",
                Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadPeftAdapter(path, target, pretrained)).Message);
    }

    // Of a convolution of 4 channels to 6 with a kernel of 3 x 3.
    private static string Factors(TemporaryFolder folder)
    {
        var path = Directory.CreateDirectory(folder.File("peft")).FullName;
        File.WriteAllText(Path.Combine(path, "adapter_config.json"), "{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 1}");
        SafetensorsFile.Write(
            Path.Combine(path, "adapter_model.safetensors"),
            [("base_model.model.conv.lora_A.weight", zeros(1, 4, 3, 3)), ("base_model.model.conv.lora_B.weight", zeros(6, 1, 1, 1))],
            new Dictionary<string, string> { ["format"] = "pt" });
        return path;
    }
}
