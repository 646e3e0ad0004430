using Microsoft.ML.OnnxRuntime;
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

    public static float[] Serve(string path, Model plain, Model customer, float[] pixels, long[] shape)
    {
        // sample
        plain.ExportOnnx(path, overridable: ["bn", "fc"]);
        using var session = new InferenceSession(path);
        var inputs = new Dictionary<string, OrtValue>
        {
            ["x"] = OrtValue.CreateTensorValueFromMemory(pixels, shape),
        };
        foreach (var change in customer.OnnxOverrides("bn", "fc"))
            inputs[change.Name] = OrtValue.CreateTensorValueFromMemory(change.Values.ToArray(), [.. change.Shape]);
        using var outputs = session.Run(new RunOptions(), inputs, ["y"]);
        // end
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
