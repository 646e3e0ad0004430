using System.Diagnostics;

namespace MappingNets.Examples.FineTune;

/// <summary>An adapter for each customer, one ONNX file for both.</summary>
internal static class Story
{
    private const int MostTrained = 8_192;

    public static void Run(OnnxTarget target, Pictures pictures, string results)
    {
        using var pretrained = PretrainedWeights.Of(target);
        using var first = Adapt("first", target, pretrained, pictures, results);
        using var others = pictures.UpsideDown();
        using var second = Adapt("second", target, pretrained, others, results);

        // Norms, biases and the head may be others in each run; the rest is the same for all customers.
        string[] changed = ChangedBy(target);
        var file = Path.Combine(results, "network.onnx");
        first.ExportOnnx(file, overridable: changed);
        Console.WriteLine($"\n{file}: {new FileInfo(file).Length:N0} bytes, for ONNX Runtime.");
        using var server = new Server(file, target);
        server.Add("first", first.OnnxOverrides(changed));
        server.Add("second", second.OnnxOverrides(changed));
        server.ShowAgreement(first, second, pictures.Test);
        server.ShowSwaps(pictures.Test);
        server.ShowTen("first", pictures, Path.Combine(results, "predictions.png"));
    }

    public static string Percent(Model model, Dataset data) => $"{100 * Evaluation.Of(model, data).Accuracy!.Value:F1}%";

    // Scales, shifts and biases, and the last layer, whatever the file calls them.
    private static string[] ChangedBy(OnnxTarget target) =>
    [
        .. target.Parameters.Where(parameter => parameter.Shape.Count == 1).Select(parameter => parameter.Name),
        .. target.Buffers.Select(buffer => buffer.Name),
        target.Parameters.Last(parameter => parameter.Shape.Count == 2).Name,
    ];

    private static FineTunedModel Adapt(string customer, OnnxTarget target, PretrainedWeights pretrained, Pictures pictures, string results)
    {
        var changed = target.Parameters.Where(parameter => ChangedBy(target).Contains(parameter.Name)).ToArray();
        var weights = changed.Sum(parameter => parameter.Count);
        var trained = (int)Math.Min(MostTrained, weights);
        var model = FineTuning.Of(target, pretrained).Scales(trained).WithSeed(1).Build();
        var started = Stopwatch.GetTimestamp();
        new Trainer(model, new() { Epochs = 8, BatchSize = 32, Seed = 1 }).Fit(pictures.Training);
        var file = Path.Combine(results, $"{customer}.safetensors");
        model.SaveAdapter(file);
        Console.WriteLine(
            $"\nThe {customer} customer: {model.DescribeTrainableParameters()}\n  {pictures.Training.Count:N0} pictures, "
            + $"{Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s; {Percent(model, pictures.Test)} of {pictures.Test.Count:N0} others right. "
            + $"The adapter has {new FileInfo(file).Length:N0} bytes.");
        return model;
    }
}
