using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The trainings of one run, one after the other: most rows have one. An interrupted run goes on within the one it was at.</summary>
/// <param name="plan">The run.</param>
/// <param name="data">What it is trained on.</param>
/// <param name="options">The command line.</param>
/// <param name="clock">Told how far it is.</param>
/// <param name="stop">Stops between steps.</param>
internal sealed class Trainings(RunPlan plan, ExperimentData data, ExperimentOptions options, RunClock clock, CancellationToken stop)
{
    private readonly List<TrainingReport> reports = [];

    /// <summary>All epochs of all trainings, end to end.</summary>
    public IReadOnlyList<EpochResult> History => [.. reports.SelectMany(report => report.History)];

    /// <summary>The last training's report.</summary>
    public TrainingReport Last => reports[^1];

    /// <summary>Trains a model under the display.</summary>
    /// <param name="title">What the display calls it.</param>
    /// <param name="model">The model.</param>
    /// <param name="training">How.</param>
    public void Fit(string title, Model model, TrainingOptions training)
    {
        var resume = ResumeFile(reports.Count);
        if (!options.Resume || plan.Watch is not null)
            File.Delete(resume);
        var watch = reports.Count == 0 ? plan.Watch : null;
        // Random changes of the pictures follow the run's seed, as all its chances do.
        var augmentation = data.Training.Augmentation;
        using var own = augmentation == Augmentation.None ? null : data.Training.Augmented(augmentation, plan.Training.Seed);
        reports.Add(TrainingDisplay.Run(
            title,
            progress => new Trainer(model, training).Fit(
                own ?? data.Training, data.HeldOut, new Watched(progress, clock, watch), stop, plan.Watch is null ? resume : null),
            clock.Line));
    }

    /// <summary>Deletes what an interrupted run would have gone on from.</summary>
    public void Forget()
    {
        for (var place = 0; place < reports.Count; place++)
            File.Delete(ResumeFile(place));
    }

    private string ResumeFile(int place) =>
        options.File(plan.FileName + (place == 0 ? "" : FormattableString.Invariant($"-{place + 1}")) + ".resume.safetensors");

    private sealed class Watched(
        IProgress<TrainingProgress> shown, RunClock clock, Action<TrainingProgress>? watch) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            clock.From(value.Fraction - (1.0 / ((double)value.StepsPerEpoch * value.Epochs)));
            shown.Report(value);
            watch?.Invoke(value);
        }
    }
}
