using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>An experiment that is a table: rows, each trained with every seed, beside the published numbers.</summary>
internal abstract class TableExperiment : IExperiment
{
    private const int FewestOfACurve = 4;

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Summary { get; }

    /// <inheritdoc/>
    public virtual bool TakesPretrained => false;

    /// <inheritdoc/>
    public IReadOnlyList<string> Methods => [.. Rows.Select(row => row.Name)];

    /// <summary>All rows, in the table's order.</summary>
    protected abstract IReadOnlyList<ExperimentRow> Rows { get; }

    /// <summary>The rows for some data, whose shapes may decide the networks: names and order are those of <see cref="Rows"/>.</summary>
    /// <param name="data">The data.</param>
    /// <param name="options">The command line.</param>
    protected virtual IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options) => Rows;

    /// <summary>The rows that a command runs: those that --methods names, or all.</summary>
    /// <param name="data">The data.</param>
    /// <param name="options">The command line.</param>
    protected virtual IReadOnlyList<ExperimentRow> Chosen(ExperimentData data, ExperimentOptions options) =>
        [.. RowsFor(data, options).Where(row => options.Wants(row.Name))];

    /// <summary>How rows are trained unless they say otherwise; the seed is put in later.</summary>
    /// <param name="options">The command line, whose epochs count where they are given.</param>
    protected abstract TrainingOptions Training(ExperimentOptions options);

    /// <summary>Loads the data.</summary>
    /// <param name="options">The command line.</param>
    protected virtual ExperimentData Load(ExperimentOptions options) => ExperimentData.Load(options);

    /// <summary>Draws the pictures; the names of their files. Bars and learning curves unless overridden.</summary>
    /// <param name="report">All runs.</param>
    /// <param name="options">The command line.</param>
    protected virtual IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        var pictures = new List<string>();
        foreach (var metric in ResultRows.Metrics(report).Where(metric => ResultRows.Rows(report).Any(row => row.Result(metric) is not null)))
        {
            pictures.Add($"{Name}{(pictures.Count == 0 ? "" : "-" + metric.Replace(' ', '-'))}.png");
            Plots.Bars(
                ResultRows.Rows(report), metric, row => ResultRows.Published(report, row, metric), TitleOf(report),
                options.File(pictures[^1]), report.References);
        }

        // A few epochs are no curve, and curves of one colour cannot be told apart.
        if (report.Runs.All(run => run.Epochs < FewestOfACurve) || ResultRows.Rows(report).Count > Plots.ColorCount)
            return pictures;
        pictures.Add("learning-curves.png");
        Plots.LearningCurvesOfRows(report.Runs, TitleOf(report), options.File(pictures[^1]));
        return pictures;
    }

    /// <inheritdoc/>
    public virtual string Usage => "";

    /// <summary>Tables of the experiment's own, as Markdown; null where there are none.</summary>
    /// <param name="report">All runs.</param>
    protected virtual string? Remarks(ReportFile report) => null;

    /// <inheritdoc/>
    public virtual string? Digest(ReportFile report) => null;

    /// <summary>What pictures have as their title: the experiment, its data and how long it trained.</summary>
    /// <param name="report">All runs.</param>
    protected virtual string TitleOf(ReportFile report) => $"{Name} on {report.Dataset}{LengthOf(report)}";

    /// <summary>", 8 epochs"; empty where rows differ in it.</summary>
    /// <param name="report">All runs.</param>
    protected static string LengthOf(ReportFile report) =>
        report.Runs.Select(run => run.Epochs).Distinct().ToArray() is [var epochs] ? FormattableString.Invariant($", {epochs} epoch{(epochs == 1 ? "" : "s")}") : "";

    /// <summary>Asked for by Ctrl-C; set while the experiment runs.</summary>
    protected CancellationToken Stop { get; private set; }

    /// <summary>Rows without a network, known once the data is loaded; null where there are none.</summary>
    protected virtual IReadOnlyList<ReferenceRow>? References => null;

    /// <inheritdoc/>
    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        Stop = stop;
        using var data = Load(options);
        options = options with { Source = data.Source };
        var parts = new List<ExperimentData>();
        try
        {
            // Seed by seed, so that an interrupted table has all rows before it has more seeds.
            var wanted = Chosen(data, options).Select(row => (Row: row, Data: Part(row, data, parts))).ToArray();
            RunPlan[] plans = [.. options.Seeds.SelectMany(seed => wanted.Select(pair => PlanOf(pair.Row, pair.Data, options, seed)))];
            using var runs = new Runs(this, options, data, plans, stop)
            {
                Order = Methods,
                Decorate = report => report with
                {
                    Pictures = Draw(report, options),
                    Remarks = Remarks(report),
                    References = References is { } made ? Runs.Joined(report.References, made, row => row.Label) : report.References,
                    DataStatement = data.Source?.Statement,
                },
            };
            foreach (var plan in plans)
                runs.Train(plan);
            Show(runs.Write(), options);
        }
        finally
        {
            parts.ForEach(part => part.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Redraw(ReportFile report, string folder) => Draw(report, new(report.Dataset, [], null, false, folder));

    private static ExperimentData? Part(ExperimentRow row, ExperimentData data, List<ExperimentData> parts)
    {
        if (row.Data is null)
            return null;
        parts.Add(row.Data(data));
        return parts[^1];
    }

    private RunPlan PlanOf(ExperimentRow row, ExperimentData? data, ExperimentOptions options, ulong seed) =>
        new(row.Name, row.Label, () => row.Create(seed), row.Change(Training(options)) with { Seed = seed })
        {
            Data = data,
            Then = row.Then,
            Snapshots = row.Snapshots,
            Examine = row.Examine,
            Finish = row.Finish,
            Base = row.Base,
            IsTaught = row.IsTaught,
            Settings = row.Settings,
            Cost = row.Cost,
            Notes = row.Notes,
        };

    internal static void Show(ReportFile report, ExperimentOptions options)
    {
        var lines = ResultRows.Table(report).Split('\n').Select(line => line.Trim('|', ' ').Split(" | ")).ToArray();
        var table = new Table().RoundedBorder().Title($"{report.Experiment} on {report.Dataset} (ours: measured here)");
        foreach (var (heading, place) in lines[0].Select((heading, place) => (heading, place)))
            table.AddColumn(place == 0 ? new TableColumn(Markup.Escape(heading)) : new TableColumn(Markup.Escape(heading)).RightAligned());
        foreach (var cells in lines.Skip(2))
            table.AddRow([.. cells.Concat(Enumerable.Repeat("", lines[0].Length)).Take(lines[0].Length).Select(cell => Markup.Escape(cell.Replace("**", "").Trim(' ', '|')))]);
        AnsiConsole.Write(table);
        foreach (var verdict in ResultRows.Verdicts(report))
            AnsiConsole.WriteLine("  " + verdict.Replace("**", ""));
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }
}
