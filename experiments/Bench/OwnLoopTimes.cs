using System.Diagnostics;
using TorchSharp;

namespace MappingNets.Experiments.Bench;

/// <summary>The step time of a training loop that a user writes with TorchSharp's own tools, over that of <see cref="Trainer.Fit"/>.</summary>
public static class OwnLoopTimes
{
    /// <summary>The largest ratio that a loop of one's own may cost.</summary>
    public const double Goal = 1.03;

    /// <summary>The models: each kind on CNN2, and the mapping with the most weights.</summary>
    /// <param name="quick">Whether to leave out the slow one.</param>
    public static IReadOnlyList<(StepCase Case, string Kind)> All(bool quick) =>
    [
        (StepCase.Cnn2(20), "mapped"), (StepCase.Cnn2(20), "direct"), (StepCase.Cnn2(20), "fine-tuned"),
        .. quick ? Array.Empty<(StepCase, string)>() : [(StepCase.Mlp(4), "mapped")],
    ];

    /// <summary>One kind of model: the same data, batch, optimiser and threads in both loops.</summary>
    /// <param name="case">The target.</param>
    /// <param name="kind">"mapped", "direct" or "fine-tuned".</param>
    /// <param name="pairs">How many pairs count.</param>
    public static Ratio Measure(StepCase @case, string kind, int pairs)
    {
        const int Batch = 128;
        using var data = StepTimes.Data(@case, Batch);
        using var fitted = Build(@case, kind);
        using var own = Build(@case, kind);
        return Ratio.Measure(
            $"{@case.Name} batch {Batch}, {kind}: own loop / Fit", "ms a step", pairs,
            () => Loop(own, data, Batch), () => StepTimes.Step(fitted, data, Batch, null), atMost: Goal);
    }

    private static Model Build(StepCase @case, string kind)
    {
        switch (kind)
        {
            case "mapped":
                return MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Build();
            case "direct":
                return DirectModel.For(@case.Target);
            default:
                using (var start = DirectModel.For(@case.Target))
                using (var pretrained = PretrainedWeights.Of(start))
                    return FineTuning.Of(@case.Target, pretrained).Groups(@case.Latents).Build();
        }
    }

    private static double Loop(Model model, Dataset data, int size)
    {
        using var optimizer = torch.optim.Adam(model.parameters(), lr: 1e-4);
        var milliseconds = new List<double>();
        using var batches = data.Batches(size, seed: 0, epoch: 1).GetEnumerator();
        while (true)
        {
            // A step begins with gathering its batch, as it does in Fit.
            var started = Stopwatch.GetTimestamp();
            if (!batches.MoveNext())
                return Ratio.MedianOf(milliseconds);
            using (var batch = batches.Current)
            {
                using (torch.NewDisposeScope())
                {
                    optimizer.zero_grad();
                    torch.nn.functional.cross_entropy(model.call(batch.Inputs), batch.Targets).backward();
                    optimizer.step();
                }

                milliseconds.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }
    }
}
