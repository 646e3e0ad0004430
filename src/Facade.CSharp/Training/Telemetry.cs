using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MappingNets;

/// <summary>What the trainer tells .NET's own listeners; it costs nothing where nobody listens (docs/watching.md).</summary>
internal static class Telemetry
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "MappingNets";

    /// <summary>The activities "train", and "epoch" within it.</summary>
    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("mappingnets.training.steps", "{step}", "Steps of the optimiser.");

    private static readonly Counter<long> Samples = Meter.CreateCounter<long>("mappingnets.training.samples", "{sample}", "Samples that were trained on.");

    private static readonly Histogram<double> StepDuration = Meter.CreateHistogram<double>(
        "mappingnets.training.step.duration", "s", "How long a step took, its batch included.");

    private static readonly Gauge<double> Loss = Meter.CreateGauge<double>("mappingnets.training.loss", null, "The whole loss of the last step.");

    /// <summary>Whether <see cref="Step"/> reaches anybody.</summary>
    public static bool IsHeard => Steps.Enabled || Samples.Enabled || StepDuration.Enabled || Loss.Enabled;

    /// <summary>A step of the optimiser was taken.</summary>
    /// <param name="model">The model.</param>
    /// <param name="samples">How many samples it saw.</param>
    /// <param name="duration">How long it took.</param>
    /// <param name="loss">Its whole loss.</param>
    public static void Step(Model model, int samples, TimeSpan duration, double loss)
    {
        var tags = TagsOf(model);
        Steps.Add(1, tags);
        Samples.Add(samples, tags);
        StepDuration.Record(duration.TotalSeconds, tags);
        Loss.Record(loss, tags);
    }

    /// <summary>Begins the activity of a run; null where nobody listens.</summary>
    public static Activity? Train(Model model, TrainingOptions options)
    {
        var activity = Activities.StartActivity("train");
        foreach (var (key, value) in TagsOf(model))
            activity?.SetTag(key, value);
        return activity?.SetTag("mappingnets.parameters", model.TrainableCount).SetTag("mappingnets.epochs", options.Epochs);
    }

    /// <summary>Begins the activity of an epoch; null where nobody listens.</summary>
    public static Activity? Epoch(int epoch) => Activities.StartActivity("epoch")?.SetTag("mappingnets.epoch", epoch);

    /// <summary>Ends the activity of an epoch with its results.</summary>
    public static void End(Activity? activity, EpochResult result) => activity?
        .SetTag("mappingnets.training.loss", result.TrainingLoss).SetTag("mappingnets.training.accuracy", result.TrainingAccuracy)
        .SetTag("mappingnets.validation.loss", result.ValidationLoss).SetTag("mappingnets.validation.accuracy", result.ValidationAccuracy);

    private static TagList TagsOf(Model model) => new() { { "mappingnets.network", model.Target.Name }, { "mappingnets.method", model.Method } };
}
