using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.Rivals.Compression;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// Quantises a trained model in two ways. Its weights, theta: each output channel of a weight tensor has a step of its own, biases
/// stay in single precision, and the file holds all weights. Or its latent, the little that is trained: the file is the
/// adapter's with codes in place of the latent, and the weights are generated from what the codes stand for.
/// </summary>
internal static class QuantizedModels
{
    /// <summary>Neighbouring latents that share a step.</summary>
    private const long LatentGroup = 64;

    /// <summary>The weights in single precision, int8 and int4.</summary>
    /// <param name="model">The trained model; it is not changed.</param>
    /// <param name="data">The data.</param>
    public static IReadOnlyList<QuantizedRecord> OfWeights(Model model, ExperimentData data)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var weights = model.Target.Parameters.Zip(model.Weights().split([.. model.Target.Parameters.Select(parameter => parameter.Count)])).ToArray();
        var results = new List<QuantizedRecord>();
        foreach (var (format, bits) in new[] { ("fp32", 32), ("int8", 8), ("int4", 4) })
        {
            var tensors = new List<(string, Tensor)>();
            var restored = new List<Tensor>();
            foreach (var (parameter, weight) in weights)
            {
                if (bits == 32 || parameter.Shape.Count == 1)
                {
                    tensors.Add((parameter.Name, weight));
                    restored.Add(weight);
                    continue;
                }

                var channel = parameter.Count / parameter.Shape[0];
                var codes = Quantization.ToWhole(weight, bits, channel);
                tensors.AddRange([($"{parameter.Name}.codes", codes.Codes), ($"{parameter.Name}.steps", codes.Steps!)]);
                restored.Add(codes.Restored(channel));
            }

            using var basis = PretrainedWeights.FromFlat(model.Target, cat(restored), model.State);
            using var quantized = FineTuning.Of(model.Target, basis).WholeWeights().Build();
            results.Add(Result("weights", format, FileBytes(tensors, new() { ["format"] = "pt" }), quantized, data));
        }

        return results;
    }

    /// <summary>The latent in single and half precision, int8 and int4.</summary>
    /// <param name="model">The trained model; its latent is put back.</param>
    /// <param name="data">The data.</param>
    public static IReadOnlyList<QuantizedRecord> OfLatent(MappedModel model, ExperimentData data)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var latent = model.Latent.clone();
        var metadata = AdapterMetadata(model);
        var results = new List<QuantizedRecord> { Result("latent", "fp32", FileBytes([("latent", latent)], metadata), model, data) };
        try
        {
            foreach (var (format, codes) in new[]
            {
                ("fp16", Quantization.ToHalf(latent)),
                ("int8", Quantization.ToWhole(latent, 8, LatentGroup)),
                ("int4", Quantization.ToWhole(latent, 4, LatentGroup)),
            })
            {
                model.Latent.copy_(codes.Restored(LatentGroup));
                List<(string, Tensor)> tensors = [("latent", codes.Codes)];
                if (codes.Steps is not null)
                    tensors.Add(("latent.steps", codes.Steps));
                results.Add(Result("latent", format, FileBytes(tensors, metadata), model, data));
            }
        }
        finally
        {
            model.Latent.copy_(latent);
        }

        return results;
    }

    private static QuantizedRecord Result(string what, string format, long bytes, Model model, ExperimentData data) => new(
        what, format, bytes, Evaluation.Of(model, data.HeldOut).Accuracy!.Value, Evaluation.Of(model, data.Test).Accuracy!.Value);

    private static long FileBytes(List<(string, Tensor)> tensors, Dictionary<string, string> metadata)
    {
        using var file = new MemoryStream();
        SafetensorsFile.Write(file, tensors, metadata);
        return file.Length;
    }

    /// <summary>What the adapter's file says beside the latent: seed, mapping and target.</summary>
    private static Dictionary<string, string> AdapterMetadata(MappedModel model)
    {
        var path = Path.GetTempFileName();
        try
        {
            model.SaveAdapter(path);
            using var file = SafetensorsFile.Read(path);
            return new(file.Metadata);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
