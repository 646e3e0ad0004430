using MappingNets.Core;
using MappingNets.Experiments.Reporting;
using Spectre.Console;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The evidence for the paper's figure: CNN2 is trained directly, and its weights are looked at as a trajectory. How many
/// principal axes hold it, as a whole and layer by layer, beside a random walk with steps of the same lengths?
/// The same snapshots are embedded by exact t-SNE, as in the paper's picture; it shows neighbours, and neither distances nor dimensions.
/// </summary>
internal sealed class ManifoldExperiment : IExperiment
{
    private const int Snapshots = 100;
    private const int SubspaceAxes = 10;
    private const double Perplexity = 15;

    private static readonly string[] Headings = ["part", "weights", "PR", "90%", "99%", "1 axis", "3 axes", "off", "t-SNE"];

    private static readonly string Legend =
        "PR: participation ratio. 90%, 99%: principal axes that hold this much of the variance. 1 axis, 3 axes: what they hold. "
        + $"off: distance from the best subspace of {SubspaceAxes} axes, relative to the spread. "
        + $"t-SNE: what the picture in two dimensions misses, KL(P || Q) in nats at perplexity {Perplexity}. random walk: chance, steps of the same lengths.";

    public string Name => "manifold";

    public string Summary => "How few principal axes hold the weights of CNN2 while it is trained.";

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        using var data = ExperimentData.Load(options);
        var made = new List<TrajectoryRecord>();
        RunPlan[] plans = [.. options.Seeds.Select(seed => PlanOf(options, seed))];
        using var runs = new Runs(this, options, data, plans, stop)
        {
            Decorate = report => Describe(report, Runs.Joined(report.Trajectories, made, part => part.Seed)),
        };
        foreach (var plan in plans)
            RunSeed(options, plan, data, runs, made);

        AnsiConsole.Write(TableOf(Runs.Joined(runs.Earlier?.Trajectories, made, part => part.Seed)));
        AnsiConsole.WriteLine(Legend);
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private static ReportFile Describe(ReportFile report, TrajectoryRecord[] trajectories) => report with
    {
        Trajectories = trajectories,
        Pictures = [.. trajectories.Select(part => part.Seed).Distinct().SelectMany(seed => PicturesOf(seed))],
        Remarks = trajectories.Length == 0 ? null : MarkdownOf(trajectories),
    };

    private static RunPlan PlanOf(ExperimentOptions options, ulong seed) => new(
        "direct", "CNN2 direct", () => DirectModel.For(Targets.Cnn2(), seed),
        new() { Epochs = options.Epochs ?? (options.Quick ? 4 : 8), Seed = seed });

    private static string[] PicturesOf(ulong seed) =>
        [$"explained-variance-seed{seed}.png", $"trajectory-seed{seed}.png", $"tsne-seed{seed}.png"];

    private static void RunSeed(
        ExperimentOptions options, RunPlan plan, ExperimentData data, Runs runs, List<TrajectoryRecord> trajectories)
    {
        var (training, seed) = (plan.Training, plan.Training.Seed);
        var steps = training.Epochs * ((data.Training.Count + training.BatchSize - 1) / training.BatchSize);
        SnapshotRecorder? recorder = null;
        try
        {
            Model Create()
            {
                var model = plan.Create();
                recorder = new(model, Math.Max(1, steps / Snapshots));
                return model;
            }

            // Described before the run counts as finished, so that no report has a run without its trajectory.
            runs.Train(plan with
            {
                Create = Create,
                Watch = progress => recorder!.Watch(progress),
                Finish = (_, record) =>
                {
                    Describe(options, seed, recorder!, LayoutOf(Targets.Cnn2()), trajectories);
                    return record;
                },
            });
            runs.Write();
        }
        finally
        {
            recorder?.Dispose();
        }
    }

    private static void Describe(
        ExperimentOptions options, ulong seed, SnapshotRecorder recorder, ParameterLayout layout, List<TrajectoryRecord> trajectories)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var snapshots = recorder.Matrix();
        var walk = recorder.RandomWalk(seed);
        TrajectoryRecord[] shapes =
        [
            Describe(seed, WeightTrajectory.shape(snapshots)),
            .. WeightTrajectory.shapeOfLayers(layout, snapshots).Select(layer => Describe(seed, layer)),
            Describe(seed, WeightTrajectory.shape(walk)) with { Part = TrajectoryRecord.RandomWalk },
        ];
        var embeddings = new[] { snapshots }.Concat(LayersOf(layout, snapshots)).Append(walk).Select(Embedding).ToArray();
        var own = shapes.Zip(embeddings, (shape, embedding) => shape with { TsneDivergence = embedding.Divergence }).ToArray();
        trajectories.AddRange(own);
        TrajectoryPlots.Neighbours(
            [.. own.Zip(embeddings, (part, embedding) => (part.Part, (IReadOnlyList<(double, double)>)embedding.Places))],
            options.File($"tsne-seed{seed}.png"));
        TrajectoryPlots.ExplainedVariance(
            own, $"Weights of CNN2 while trained on {options.Dataset}: share of the variance", options.File($"explained-variance-seed{seed}.png"));
        TrajectoryPlots.Path(
            Pairs(snapshots), Pairs(walk), "Weights of CNN2 on their first two principal axes", options.File($"trajectory-seed{seed}.png"));
    }

    /// <summary>The columns of each layer, in the order in which <see cref="WeightTrajectory"/> describes them.</summary>
    private static IEnumerable<torch.Tensor> LayersOf(ParameterLayout layout, torch.Tensor snapshots) =>
        layout.Layers.Select(layer => snapshots.narrow(1, layer.Offset, layer.Count));

    private static ((double X, double Y)[] Places, double Divergence) Embedding(torch.Tensor snapshots)
    {
        using var scope = torch.NewDisposeScope();
        var points = snapshots.to_type(torch.ScalarType.Float64);
        var count = (int)points.shape[0];
        var matrix = new double[count, count];
        for (var row = 0; row < count; row++)
        {
            using var beside = torch.NewDisposeScope();
            var distances = (points - points[row]).square().sum(1).data<double>().ToArray();
            for (var column = 0; column < count; column++)
                matrix[row, column] = distances[column];
        }

        return Tsne.Embed(Tsne.Affinities(matrix, Math.Min(Perplexity, (count - 1) / 3.0)), Pairs(snapshots));
    }

    private static ParameterLayout LayoutOf(TargetNetwork target) => ParameterLayoutModule.create(
        target.Parameters.Select(parameter => Tuple.Create(parameter.Name, parameter.Shape.ToArray(), parameter.FanIn)));

    private static string MarkdownOf(IReadOnlyList<TrajectoryRecord> trajectories) => string.Join('\n', [
        "| " + string.Join(" | ", Headings) + " |",
        "|---|" + string.Concat(Headings.Skip(1).Select(_ => "---:|")),
        .. RowsOf(trajectories).Select(cells => "| " + string.Join(" | ", cells) + " |"),
    ]) + "\n\n" + Legend;

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

    private static Table TableOf(IReadOnlyList<TrajectoryRecord> trajectories)
    {
        var table = new Table().RoundedBorder().Title("How many dimensions the weights move in (measured here)");
        table.AddColumn(Headings[0]);
        foreach (var heading in Headings.Skip(1))
            table.AddColumn(new TableColumn(heading).RightAligned());
        foreach (var cells in RowsOf(trajectories))
            table.AddRow(cells);
        return table;
    }

    /// <summary>The parts with the mean over the seeds.</summary>
    private static IEnumerable<string[]> RowsOf(IReadOnlyList<TrajectoryRecord> trajectories) =>
        trajectories.GroupBy(record => record.Part).Select(part => new[]
        {
            part.Key,
            part.First().Weights.ToString("N0"),
            part.Average(record => record.ParticipationRatio).ToString("F2"),
            part.Average(record => record.AxesFor90).ToString("0.#"),
            part.Average(record => record.AxesFor99).ToString("0.#"),
            Percent(part.Average(record => record.ExplainedVariance[0])),
            Percent(part.Average(record => record.ExplainedVariance[Math.Min(2, record.ExplainedVariance.Count - 1)])),
            Percent(part.Average(record => record.RelativeDistance)),
            part.Average(record => record.TsneDivergence)?.ToString("F3") ?? "",
        });

    private static string Percent(double share) => (100 * share).ToString("F1") + "%";
}
