using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;

namespace MappingNets.Examples.Cluster;

/// <summary>What a worker ended with, as a line of its output.</summary>
/// <param name="Steps">How many steps the run had.</param>
/// <param name="Sent">Bytes of gradients that the worker sent.</param>
/// <param name="TrainAccuracy">The accuracy on the training images, a share.</param>
/// <param name="TestAccuracy">The accuracy on the test images, a share.</param>
/// <param name="MillisecondsPerStep">The median step.</param>
/// <param name="CheckpointBytes">The size of the adapter's file.</param>
/// <param name="Digest">A digest of the trained parameters.</param>
internal sealed record WorkerResult(
    long Steps, long Sent, double TrainAccuracy, double TestAccuracy, double MillisecondsPerStep, long CheckpointBytes, string Digest)
{
    /// <summary>The result of a model that has been trained.</summary>
    public static WorkerResult Of(MappedModel model, TrainingReport report, long sent, Dataset train, Dataset test)
    {
        var file = Path.GetTempFileName();
        try
        {
            model.SaveAdapter(file);
            return new(
                report.Steps, sent, Evaluation.Of(model, train).Accuracy!.Value, Evaluation.Of(model, test).Accuracy!.Value,
                report.MedianStepMilliseconds, new FileInfo(file).Length, DigestOf(model));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A digest of the trained parameters.</summary>
    public static string DigestOf(Model model)
    {
        using var scope = torch.NewDisposeScope();
        var latent = model.state_dict().First().Value.detach().data<float>().ToArray();
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(latent.AsSpan())))[..16];
    }

    /// <summary>The result that a line holds; null where it holds none.</summary>
    public static WorkerResult? Parse(string line) =>
        line.Split(' ') is ["result", var steps, var sent, var train, var test, var milliseconds, var bytes, var digest]
            ? new(
                long.Parse(steps, CultureInfo.InvariantCulture), long.Parse(sent, CultureInfo.InvariantCulture),
                double.Parse(train, CultureInfo.InvariantCulture), double.Parse(test, CultureInfo.InvariantCulture),
                double.Parse(milliseconds, CultureInfo.InvariantCulture), long.Parse(bytes, CultureInfo.InvariantCulture), digest)
            : null;

    /// <summary>The line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"result {Steps} {Sent} {TrainAccuracy} {TestAccuracy} {MillisecondsPerStep} {CheckpointBytes} {Digest}");
}
