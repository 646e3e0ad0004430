using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>LoRA adapters of PEFT on networks from files.</summary>
public sealed class PeftTests
{
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
