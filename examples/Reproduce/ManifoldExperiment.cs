using MappingNets.Core;
using MappingNets.Examples.Reporting;
using Spectre.Console;
using TorchSharp;

namespace MappingNets.Examples.Reproduce;

/// <summary>
/// The evidence for the paper's figure: CNN2 is trained directly, and its weights are looked at as a trajectory. How many
/// principal axes hold it, as a whole and layer by layer, beside a random walk with steps of the same lengths?
/// t-SNE is left out: the package feed holds no library for it.
/// </summary>
internal sealed class ManifoldExperiment : IExperiment
{
    private const int Snapshots = 100;
    private const int SubspaceAxes = 10;

    public string Name => "manifold";

    public string Summary => "How few principal axes hold the weights of CNN2 while it is trained.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        using var data = ExperimentData.Load(options);
        var runs = new List<RunRecord>();
        var trajectories = new List<TrajectoryRecord>();
        foreach (var seed in options.Seeds)
        {
            stop.ThrowIfCancellationRequested();
            RunSeed(options, seed, data, runs, trajectories, stop);
            new ReportFile(options.Dataset, runs) { Experiment = Name, Trajectories = trajectories }.Write(options.File("report.json"));
        }

        AnsiConsole.Write(TableOf(trajectories));
        AnsiConsole.WriteLine("PR: participation ratio. 90%, 99%: principal axes that hold this much of the variance. 1 axis, 3 axes: what they hold.");
        AnsiConsole.WriteLine($"off: distance from the best subspace of {SubspaceAxes} axes, relative to the spread. random walk: chance, steps of the same lengths.");
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private static void RunSeed(
        ExperimentOptions options, ulong seed, ExperimentData data, List<RunRecord> runs, List<TrajectoryRecord> trajectories, CancellationToken stop)
    {
        var epochs = options.Epochs ?? (options.Quick ? 4 : 8);
        var training = new TrainingOptions { Epochs = epochs, Seed = seed };
        var steps = epochs * ((data.Training.Count + training.BatchSize - 1) / training.BatchSize);
        using var model = DirectModel.For(Targets.Cnn2(), seed);
        using var recorder = new SnapshotRecorder(model, Math.Max(1, steps / Snapshots));
        runs.Add(Runs.Train(
            $"direct, seed {seed}", model, training, data, options.File($"cnn2-direct-seed{seed}.safetensors"), stop, recorder.Watch));

        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var snapshots = recorder.Matrix();
        var walk = recorder.RandomWalk(seed);
        TrajectoryRecord[] own =
        [
            Describe(seed, WeightTrajectory.shape(snapshots)),
            .. WeightTrajectory.shapeOfLayers(LayoutOf(model.Target), snapshots).Select(layer => Describe(seed, layer)),
            Describe(seed, WeightTrajectory.shape(walk)) with { Part = TrajectoryRecord.RandomWalk },
        ];
        trajectories.AddRange(own);
        TrajectoryPlots.ExplainedVariance(
            own, $"Weights of CNN2 while trained on {options.Dataset}: share of the variance", options.File($"explained-variance-seed{seed}.png"));
        TrajectoryPlots.Path(
            Pairs(snapshots), Pairs(walk), "Weights of CNN2 on their first two principal axes", options.File($"trajectory-seed{seed}.png"));
    }

    private static ParameterLayout LayoutOf(TargetNetwork target) => ParameterLayoutModule.create(
        target.Parameters.Select(parameter => Tuple.Create(parameter.Name, parameter.Shape.ToArray(), parameter.FanIn)));

    private static TrajectoryRecord Describe(ulong seed, TrajectoryShape shape)
    {
        var spread = Math.Sqrt(shape.TotalVariance);
        return new(
            seed,
            shape.Name,
            shape.Weights,
            shape.Variances.Length + 1,
            shape.ParticipationRatio,
            shape.AxesFor(0.9),
            shape.AxesFor(0.99),
            [.. shape.ExplainedVariance.Take(20)],
            SubspaceAxes,
            spread > 0 ? shape.DistanceFromSubspace(SubspaceAxes) / spread : 0);
    }

    private static (double X, double Y)[] Pairs(torch.Tensor snapshots)
    {
        using var coordinates = WeightTrajectory.coordinates(snapshots, 2);
        var values = coordinates.data<double>().ToArray();
        return [.. Enumerable.Range(0, values.Length / 2).Select(row => (values[2 * row], values[(2 * row) + 1]))];
    }

    /// <summary>The parts with the mean over the seeds.</summary>
    private static Table TableOf(IReadOnlyList<TrajectoryRecord> trajectories)
    {
        var table = new Table().RoundedBorder().Title("How many dimensions the weights move in (measured here)");
        table.AddColumn("part");
        foreach (var heading in new[] { "weights", "PR", "90%", "99%", "1 axis", "3 axes", "off" })
            table.AddColumn(new TableColumn(heading).RightAligned());
        foreach (var part in trajectories.GroupBy(record => record.Part))
            table.AddRow(
                part.Key,
                part.First().Weights.ToString("N0"),
                part.Average(record => record.ParticipationRatio).ToString("F2"),
                part.Average(record => record.AxesFor90).ToString("0.#"),
                part.Average(record => record.AxesFor99).ToString("0.#"),
                Percent(part.Average(record => record.ExplainedVariance[0])),
                Percent(part.Average(record => record.ExplainedVariance[Math.Min(2, record.ExplainedVariance.Count - 1)])),
                Percent(part.Average(record => record.RelativeDistance)));
        return table;
    }

    private static string Percent(double share) => (100 * share).ToString("F1") + "%";
}
