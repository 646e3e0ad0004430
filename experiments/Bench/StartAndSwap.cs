using System.Diagnostics;

namespace MappingNets.Experiments.Bench;

/// <summary>The small times that users of adapters feel, milliseconds, medians.</summary>
/// <param name="BuildMilliseconds">From a description to a model that can take its first step.</param>
/// <param name="FirstStepMilliseconds">The first step of training after that.</param>
/// <param name="SaveMilliseconds">Writing the adapter.</param>
/// <param name="LoadMilliseconds">Reading it and building its model.</param>
/// <param name="SwapMilliseconds">Putting another latent into a live model and generating its weights.</param>
/// <param name="HostSwapMilliseconds">Letting another adapter of 2,048 latents answer in a host, which may serve meanwhile.</param>
public sealed record SmallTimes(
    double BuildMilliseconds, double FirstStepMilliseconds, double SaveMilliseconds, double LoadMilliseconds, double SwapMilliseconds,
    double HostSwapMilliseconds)
{
    /// <summary>Measures CNN2 with 2,048 latents.</summary>
    public static SmallTimes Measure(int repeats)
    {
        var target = Targets.Cnn2();
        var file = Path.Combine(Path.GetTempPath(), $"mappingnets-bench-{Environment.ProcessId}.safetensors");
        using var data = Dataset.FromTensors(
            TorchSharp.torch.zeros(128, 1, 28, 28), TorchSharp.torch.zeros(128, dtype: TorchSharp.torch.int64),
            [.. Enumerable.Range(0, 10).Select(index => $"{index}")]);
        try
        {
            using var model = MappingNetwork.For(target).SingleLatent(2048).Build();
            using var other = MappingNetwork.For(target).SingleLatent(2048).StartingWithin(1).Build();
            return new(
                Median(repeats, () => MappingNetwork.For(target).SingleLatent(2048).Build().Dispose()),
                Median(repeats, () => new Trainer(model, new() { Epochs = 1 }).Fit(data)),
                Median(repeats, () => model.SaveAdapter(file)),
                Median(repeats, () => MappedModel.LoadAdapter(file, target).Dispose()),
                Median(repeats, () => Swap(model, other)),
                HostSwap(target, repeats));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Swap(MappedModel model, MappedModel other)
    {
        using (TorchSharp.torch.no_grad())
            model.Latent.copy_(other.Latent);
        model.FlatWeights().Dispose();
    }

    /// <summary>Two adapters of one base take turns.</summary>
    private static double HostSwap(TargetNetwork target, int repeats)
    {
        using var direct = DirectModel.For(target);
        using var pretrained = PretrainedWeights.Of(direct);
        using var host = new AdapterHost(target, pretrained);
        foreach (var name in new[] { "one", "other" })
        {
            using var tuned = FineTuning.Of(target, pretrained).Groups(2048).Build();
            host.Add(name, tuned);
        }

        return Median(repeats, () => host.SetActive(host.Active == "one" ? "other" : "one"));
    }

    private static double Median(int repeats, Action action)
    {
        action();
        var times = new double[repeats];
        for (var index = 0; index < repeats; index++)
        {
            var started = Stopwatch.GetTimestamp();
            action();
            times[index] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        return Ratio.MedianOf(times);
    }
}
