using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The sample of docs/onnx.md, compiled and run.</summary>
internal static class OnnxSample
{
    public static Tensor Run(string path, int latents, Tensor images)
    {
        // sample
        var target = TargetNetwork.FromOnnx(path);
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(latents).Build();
        // end
        return model.Predict(images);
    }
}
