using Xunit;

namespace MappingNets.Tests;

/// <summary>
/// The pretrained ResNet18 of the package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, an optional download: where it is in NuGet's
/// cache, or MAPPINGNETS_RESNET18 names its file.
/// </summary>
internal static class PretrainedResNet
{
    public static string? Path { get; } = Find();

    private static string? Find()
    {
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string?[] places =
        [
            Environment.GetEnvironmentVariable("MAPPINGNETS_RESNET18"),
            System.IO.Path.Combine(
                cache, "microsoft.ml.dnnimagefeaturizer.resnet18", "0.23.1", "tools", "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx"),
        ];
        return places.FirstOrDefault(File.Exists);
    }
}

/// <summary>A test on the pretrained ResNet18, skipped where it is not on this machine.</summary>
public sealed class PretrainedResNetFactAttribute : FactAttribute
{
    public PretrainedResNetFactAttribute()
    {
        if (PretrainedResNet.Path is null)
            Skip = "The package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1 is not in NuGet's cache; restore it, or set MAPPINGNETS_RESNET18.";
    }
}
