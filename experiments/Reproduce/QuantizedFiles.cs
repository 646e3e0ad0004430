using System.IO.Compression;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// A trained model stored in each precision and read back: its weights, or its latent, the little that is trained. The bytes are those of
/// the files.
/// </summary>
internal static class QuantizedFiles
{
    /// <summary>The weights in single precision, int8 and int4.</summary>
    /// <param name="model">The trained model; it is not changed.</param>
    /// <param name="data">The data.</param>
    public static IReadOnlyList<QuantizedRecord> OfWeights(Model model, ExperimentData data) =>
        OfWeights(model, data, [StoredPrecision.Single, StoredPrecision.Int8, StoredPrecision.Int4]);

    /// <summary>The weights in some precisions, those of a pruned model without what was pruned, of a low rank as factors.</summary>
    /// <param name="model">The trained model; it is not changed.</param>
    /// <param name="data">The data.</param>
    /// <param name="precisions">The precisions.</param>
    public static IReadOnlyList<QuantizedRecord> OfWeights(Model model, ExperimentData data, IReadOnlyList<StoredPrecision> precisions) =>
        OfFiles("weights", precisions, data, (path, precision) =>
        {
            model.Export(path, precision, sparse: model.KeptWeights is not null, factors: true);
            using var weights = PretrainedWeights.FromFile(path);
            return FineTuning.Of(model.Target, weights).WholeWeights().Build();
        });

    /// <summary>The latent in single and half precision, int8 and int4.</summary>
    /// <param name="model">The trained model; it is not changed.</param>
    /// <param name="data">The data.</param>
    public static IReadOnlyList<QuantizedRecord> OfLatent(MappedModel model, ExperimentData data) =>
        OfFiles("latent", Enum.GetValues<StoredPrecision>(), data, (path, precision) =>
        {
            model.SaveAdapter(path, precision);
            return MappedModel.LoadAdapter(path, model.Target);
        });

    private static List<QuantizedRecord> OfFiles(
        string what, IReadOnlyList<StoredPrecision> precisions, ExperimentData data, Func<string, StoredPrecision, Model> stored)
    {
        var results = new List<QuantizedRecord>();
        var path = Path.GetTempFileName();
        try
        {
            foreach (var precision in precisions)
            {
                using var model = stored(path, precision);
                results.Add(new(
                    what, NameOf(precision), new FileInfo(path).Length, Evaluation.Of(model, data.HeldOut).Accuracy!.Value,
                    Evaluation.Of(model, data.Test).Accuracy!.Value)
                {
                    PackedBytes = Packed(File.ReadAllBytes(path)),
                });
            }
        }
        finally
        {
            File.Delete(path);
        }

        return results;
    }

    private static long Packed(byte[] file)
    {
        using var packed = new MemoryStream();
        using (var coder = new BrotliStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            coder.Write(file);
        return packed.Length;
    }

    private static string NameOf(StoredPrecision precision) => precision switch
    {
        StoredPrecision.Single => "fp32",
        StoredPrecision.Half => "fp16",
        StoredPrecision.Int8 => "int8",
        _ => "int4",
    };
}
