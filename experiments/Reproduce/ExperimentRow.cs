using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>A row of a table: one way of training, with each seed once.</summary>
/// <param name="Name">What --methods and the table of published numbers call it, such as "cnn2-slvt-2048".</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Create">From the seed to the untrained model; the same start each time.</param>
internal sealed record ExperimentRow(string Name, string Label, Func<ulong, Model> Create)
{
    /// <summary>How it is trained unlike the experiment's other rows.</summary>
    public Func<TrainingOptions, TrainingOptions> Change { get; init; } = options => options;

    /// <summary>From the experiment's data to its own; null takes all. What it returns is disposed with the experiment.</summary>
    public Func<ExperimentData, ExperimentData>? Data { get; init; }

    /// <summary><see cref="RunPlan.Then"/>.</summary>
    public Func<Continuation, Model>? Then { get; init; }

    /// <summary><see cref="RunPlan.Snapshots"/>.</summary>
    public int? Snapshots { get; init; }

    /// <summary><see cref="RunPlan.Examine"/>.</summary>
    public Func<Model, ExperimentData, RunRecord, RunRecord>? Examine { get; init; }

    /// <summary><see cref="RunPlan.Finish"/>.</summary>
    public Func<Model, RunRecord, RunRecord>? Finish { get; init; }

    /// <summary><see cref="RunPlan.Base"/>.</summary>
    public Func<string>? Base { get; init; }

    /// <summary><see cref="RunPlan.IsTaught"/>.</summary>
    public bool IsTaught { get; init; }

    /// <summary><see cref="RunPlan.Settings"/>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary><see cref="RunPlan.Cost"/>.</summary>
    public double Cost { get; init; } = 1;

    /// <summary><see cref="RunPlan.Notes"/>.</summary>
    public string? Notes { get; init; }
}
