using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>The rows of a report beside the published ones.</summary>
public static class ResultRows
{
    /// <summary>The setting that names the rate of a training's second part, such as that after pruning.</summary>
    public const string ContinuedRate = "continued rate";

    private const string Rate = "learning rate";

    /// <summary>What decides a training beside its length, as settings name it and as tables do.</summary>
    internal static readonly IReadOnlyList<(string Setting, string Heading)> TrainingSettings = [("batch size", "batch"), (Rate, "rate")];

    /// <summary>The metrics of a report's rows: those that are published of it, otherwise accuracy or loss.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<string> Metrics(ReportFile report)
    {
        var rows = Rows(report);
        var published = rows.SelectMany(row => PublishedTables.Of(report.Experiment, row.Row, report.Dataset)).Select(row => row.Metric).Distinct().ToArray();
        var own = rows.Any(row => row.Test is not null) ? PublishedRow.Accuracy : PublishedRow.Loss;
        var figures = rows.SelectMany(row => row.Figures?.Keys ?? []).Distinct();
        return [.. published.Prepend(own).Concat(figures).Distinct()];
    }

    /// <summary>What is published of a row by a metric; null where nothing is.</summary>
    /// <param name="report">The report.</param>
    /// <param name="row">One of its rows.</param>
    /// <param name="metric">The metric.</param>
    public static PublishedRow? Published(ReportFile report, RunSummary row, string metric) =>
        PublishedTables.Of(report.Experiment, row.Row, report.Dataset).SingleOrDefault(published => published.Metric == metric);

    /// <summary>The rows as a Markdown table; empty where there are none.</summary>
    /// <param name="report">The report.</param>
    public static string Table(ReportFile report)
    {
        var rows = Rows(report);
        if (rows.Count == 0)
            return "";
        var metrics = Metrics(report);
        var accuracies = rows.Any(row => row.Test is not null);
        var columns = new List<(string Heading, Func<RunSummary, string> Cell)>
        {
            ("row", row => row.Label),
            ("trainable", row => row.Trainable.ToString("N0", CultureInfo.InvariantCulture)),
            (accuracies ? "train %" : "train loss", row => accuracies ? Text(row.Train, true) : Text(row.TrainLoss, false)),
            (accuracies ? "held out %" : "held-out loss", row => accuracies ? Text(row.HeldOut, true) : Text(row.HeldOutLoss, false)),
        };
        if (report.Runs.Select(run => run.Epochs).Distinct().Count() > 1)
            columns.Insert(2, ("epochs", row => Epochs(report, row)));
        foreach (var (setting, heading) in TrainingSettings)
            if (rows.Select(row => Setting(report, row, setting)).Distinct().Count() > 1)
                columns.Insert(columns.Count - 2, (heading, row => Setting(report, row, setting)));
        foreach (var metric in metrics)
        {
            var isShare = PublishedRow.IsPercentage(metric);
            columns.Add(($"ours: {Name(metric)}", row => row.Result(metric) is { } result ? $"**{Text(result, isShare)}** ({Seeds(row)})" : ""));
            if (!rows.Any(row => Published(report, row, metric) is not null))
                continue;
            if (rows.Any(row => Published(report, row, metric)?.Paper is not null))
                columns.Add(($"paper: {Name(metric)}", row => Text(Published(report, row, metric)?.Paper, isShare)));
            if (rows.Any(row => Published(report, row, metric)?.Literature is not null))
                columns.Add(($"other publications: {Name(metric)}", row => Published(report, row, metric)?.Literature is { } other
                    ? $"{Text(other.Value, isShare)} ({other.Source})"
                    : ""));
            if (rows.Any(row => Published(report, row, metric)?.ReRun is not null))
                columns.Add(($"re-run: {Name(metric)}", row => Text(Published(report, row, metric)?.ReRun, isShare)));
        }

        return string.Join('\n', [
            "| " + string.Join(" | ", columns.Select(column => column.Heading)) + " |",
            "|---|" + string.Concat(columns.Skip(1).Select(_ => "---:|")),
            .. rows.Select(row => "| " + string.Join(" | ", columns.Select(column => column.Cell(row))) + " |"),
            .. (report.References ?? []).Select(reference => "| " + string.Join(" | ", columns.Select(column => Cell(reference, column.Heading, metrics))) + " |"),
        ]);
    }

    /// <summary>A metric as a table's heading has it.</summary>
    /// <param name="metric">Its name in reports.</param>
    internal static string Name(string metric) => metric switch
    {
        PublishedRow.Accuracy => "test %",
        PublishedRow.Loss => "test loss",
        PublishedRow.MeanIntersectionOverUnion => "mIoU, %",
        _ => metric,
    };

    /// <summary>How many seeds a row has.</summary>
    /// <param name="row">The row.</param>
    internal static string Seeds(RunSummary row) => row.Seeds.Count == 1 ? "1 seed" : $"{row.Seeds.Count} seeds";

    /// <summary>A mean and its spread as a cell, both with the same digits behind the point.</summary>
    /// <param name="spread">The numbers; null for an empty cell.</param>
    /// <param name="isShare">Whether they are printed in percent.</param>
    public static string Text(Spread? spread, bool isShare) => spread switch
    {
        null => "",
        { StandardDeviation: null } => Text(spread.Mean, isShare),
        { StandardDeviation: { } deviation } when isShare => $"{Text(spread.Mean, true)} ± {Text(deviation, true)}",
        { StandardDeviation: { } deviation } => $"{Rounded(spread.Mean, spread.Mean)} ± {Rounded(deviation, spread.Mean)}",
    };

    /// <summary>A number with as many digits behind the point as another one has with four digits in all.</summary>
    private static string Rounded(double number, double like)
    {
        var decimals = like == 0 || !double.IsFinite(like) ? 3 : 3 - (int)Math.Floor(Math.Log10(Math.Abs(like)));
        return number.ToString($"F{Math.Clamp(decimals, 0, 20)}", CultureInfo.InvariantCulture);
    }

    /// <summary>A number as a cell.</summary>
    /// <param name="number">The number; null for an empty cell.</param>
    /// <param name="isShare">Whether it is printed in percent.</param>
    public static string Text(double? number, bool isShare) => number is not { } value
        ? ""
        : isShare ? (100 * value).ToString("F2", CultureInfo.InvariantCulture) : value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>For each published result, how far ours exceeds it or falls short; none for a quick look.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<string> Verdicts(ReportFile report) => report.Config is { Quick: true } ? [] :
    [
        .. from row in Rows(report)
           from published in PublishedTables.Of(report.Experiment, row.Row, report.Dataset)
           where row.Result(published.Metric) is not null
           select Verdict(row, published, row.Result(published.Metric)!.Mean),
    ];

    /// <summary>The report's rows.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<RunSummary> Rows(ReportFile report) => report.Summary ?? RunSummary.Of(report.Runs);

    private static string Verdict(RunSummary row, PublishedRow published, double ours)
    {
        string Against(string whom, double theirs)
        {
            var gain = published.HigherIsBetter ? ours - theirs : theirs - ours;
            var size = published.IsShare
                ? FormattableString.Invariant($"{100 * Math.Abs(gain):F2} points")
                : FormattableString.Invariant($"{Math.Abs(gain):G3}");
            return gain >= 0 ? $"exceeds {whom} by {size}" : $"falls short of {whom} by {size}";
        }

        var against = new List<string>();
        if (published.Paper is { } paper)
            against.Add(Against("the paper", paper));
        if (published.ReRun is { } reRun)
            against.Add(Against("the re-run", reRun));
        if (published.Literature is { } other)
            against.Add(Against($"what is published ({other.Source})", other.Value));
        return $"{row.Label}, {Name(published.Metric)}: {string.Join("; ", against)}.";
    }

    private static string Cell(ReferenceRow reference, string heading, IReadOnlyList<string> metrics) => heading switch
    {
        "row" => reference.Label,
        "trainable" => reference.Fitted.ToString("N0", CultureInfo.InvariantCulture),
        _ => metrics.FirstOrDefault(metric => heading == $"ours: {Name(metric)}") is { } metric && reference.Results.TryGetValue(metric, out var result)
            ? Text(result, PublishedRow.IsPercentage(metric))
            : "",
    };

    /// <summary>How many epochs a row's runs had, such as "8" or "8, 12".</summary>
    /// <param name="report">The report.</param>
    /// <param name="row">One of its rows.</param>
    internal static string Epochs(ReportFile report, RunSummary row) => string.Join(", ", RunsOf(report, row).Select(run => run.Epochs).Distinct().Order());

    /// <summary>What a row's runs have for a setting, such as "0.05"; empty where reports are older than it.</summary>
    /// <param name="report">The report.</param>
    /// <param name="row">One of its rows.</param>
    /// <param name="name">The setting's name.</param>
    internal static string Setting(ReportFile report, RunSummary row, string name) =>
        string.Join(", ", RunsOf(report, row).Select(run => Value(run, name)).OfType<string>().Distinct());

    private static string? Value(RunRecord run, string name)
    {
        var value = run.Settings?.GetValueOrDefault(name);
        return name == Rate && run.Settings?.GetValueOrDefault(ContinuedRate) is { } then && then != value ? $"{value}, then {then}" : value;
    }

    private static IEnumerable<RunRecord> RunsOf(ReportFile report, RunSummary row) =>
        report.Runs.Where(run => run.Row == row.Row && (run.Label ?? Plots.Label(run)) == row.Label);
}
