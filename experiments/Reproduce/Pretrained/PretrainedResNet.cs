namespace MappingNets.Experiments.Reproduce;

/// <summary>The ResNet-18 of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, trained on ImageNet; it is not downloaded.</summary>
internal static class PretrainedResNet
{
    /// <summary>The last features that do not depend on the picture's size, (512, side / 32, side / 32): the pooling behind them takes 224 x 224 pixels only.</summary>
    public const string LastFeatures = "ReLU393_Output_0";

    /// <summary>The features of the second stage, (128, side / 8, side / 8).</summary>
    public const string EarlyFeatures = "ReLU315_Output_0";

    private const string InPackage = "tools/DnnImageModels/ResNet18Onnx/ResNet18.onnx";

    /// <summary>The mean colour of ImageNet in the order that the network takes, 0 to 255.</summary>
    public static IReadOnlyList<float> BlueGreenRedMeans { get; } = [0.406f * 255, 0.456f * 255, 0.485f * 255];

    /// <summary>Opens the network up to some features, for square pictures.</summary>
    /// <param name="named">What --pretrained says: the package's folder, or an ONNX file with its network.</param>
    /// <param name="side">The pictures' side in pixels.</param>
    /// <param name="features">The tensor that it puts out.</param>
    /// <exception cref="ArgumentException">Nothing was named.</exception>
    public static OnnxTarget Open(string? named, int side, string features)
    {
        if (named is null)
            throw new ArgumentException(
                "--pretrained must name the folder of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, or an ONNX file with its network; it is not downloaded.");
        return TargetNetwork.FromOnnx(PathOf(named), [[3, side, side]], output: features, name: "resnet18");
    }

    /// <summary>The network's file.</summary>
    /// <param name="named">The package's folder, or the file itself.</param>
    public static string PathOf(string named) => Directory.Exists(named) ? Path.Combine(named, InPackage) : named;
}
