using MappingNets.Examples.Reporting;

namespace MappingNets.Examples.Reproduce;

/// <summary>Trains one model and says what came of it.</summary>
internal static class Runs
{
    /// <summary>Trains under a progress display; the model's state goes to a file of the output folder.</summary>
    /// <param name="label">What the progress bar is called.</param>
    /// <param name="model">The untrained model.</param>
    /// <param name="training">How it is trained.</param>
    /// <param name="data">The data.</param>
    /// <param name="checkpoint">The file for the trained state.</param>
    /// <param name="stop">Stops between steps.</param>
    /// <param name="watch">Called after every step; null where nobody watches.</param>
    public static RunRecord Train(
        string label,
        Model model,
        TrainingOptions training,
        ExperimentData data,
        string checkpoint,
        CancellationToken stop,
        Action<TrainingProgress>? watch = null)
    {
        var report = TrainingDisplay.Run(label, progress =>
            new Trainer(model, training).Fit(data.Training, data.HeldOut, new Watched(progress, watch), stop));
        if (model is MappedModel mapped)
            mapped.SaveAdapter(checkpoint);
        else if (model is FineTunedModel tuned)
            tuned.SaveAdapter(checkpoint);
        else
            model.Export(checkpoint);
        return new(
            model.Method,
            model.Target.Name,
            model.Target.ParameterCount,
            model.TrainableCount,
            model.FixedWeightsName,
            training.Seed,
            report.History.Count,
            Evaluation.Of(model, data.Training, cancellation: stop).Accuracy!.Value,
            Evaluation.Of(model, data.Test, cancellation: stop).Accuracy!.Value,
            report.MedianStepMilliseconds,
            report.PeakMemoryBytes,
            new FileInfo(checkpoint).Length,
            [.. report.History.Select(epoch => new EpochPoint(
                epoch.Epoch, epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationAccuracy))]);
    }

    /// <summary>The held-out accuracy after the last epoch.</summary>
    /// <param name="run">The run.</param>
    public static double HeldOutAccuracy(RunRecord run) => run.History[^1].ValidationAccuracy!.Value;

    private sealed class Watched(IProgress<TrainingProgress> shown, Action<TrainingProgress>? watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            shown.Report(value);
            watch?.Invoke(value);
        }
    }
}
