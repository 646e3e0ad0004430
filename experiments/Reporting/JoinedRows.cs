using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>The rows of one experiment on one or several sets of data as one table: training, ours, and what is published beside it.</summary>
internal static class JoinedRows
{
    private sealed record Found(ReportFile Report, RunSummary Row);

    /// <summary>The table as Markdown; empty where there are no rows.</summary>
    /// <param name="reports">The reports, all of one experiment.</param>
    /// <param name="heldOut">Whether a column has the accuracy on held-out samples, where rows are judged by it.</param>
    public static string Table(IReadOnlyList<ReportFile> reports, bool heldOut = false)
    {
        Found[] all = [.. reports.SelectMany(report => ResultRows.Rows(report).Select(row => new Found(report, row)))];
        if (all.Length == 0)
            return "";
        var rows = all.GroupBy(found => found.Row.Row ?? found.Row.Label).Select(row => row.ToArray()).ToArray();
        var columns = new List<(string Heading, Func<Found[], string> Cell, Func<ReferenceRow, string> Reference)>
        {
            ("row", row => row[0].Row.Label, reference => reference.Label),
            ("trainable", Trainable, reference => reference.Fitted.ToString("N0", CultureInfo.InvariantCulture)),
        };
        if (all.Select(found => ResultRows.Epochs(found.Report, found.Row)).Distinct().Count() > 1)
            columns.Add(("epochs", row => string.Join(", ", row.Select(found => ResultRows.Epochs(found.Report, found.Row)).Distinct()), _ => ""));
        var (usual, sets) = (UsualSeeds(all), reports.GroupBy(NameOf).ToArray());
        foreach (var set in sets)
        {
            // One set of data needs no name in the headings; with several, training stands in brackets, so that the table stays narrow.
            var (name, isOnly, accuracies) = (sets.Length == 1 ? "" : set.Key + ", ", sets.Length == 1, all.Any(found => found.Row.Test is not null));
            Found? In(Found[] row) => row.FirstOrDefault(found => NameOf(found.Report) == set.Key);
            string Training(Found found) => accuracies ? ResultRows.Text(found.Row.Train, true) : ResultRows.Text(found.Row.TrainLoss, false);
            if (isOnly && all.Any(found => Training(found).Length > 0))
                columns.Add((accuracies ? "train %" : "train loss", row => Training(row[0]), _ => ""));
            if (heldOut)
                columns.Add(($"{name}held out %", row => ResultRows.Text(In(row)?.Row.HeldOut, true), _ => ""));
            string[] metrics = [.. set.SelectMany(ResultRows.Metrics).Distinct()];
            foreach (var metric in metrics)
            {
                var isShare = PublishedRow.IsPercentage(metric);
                var heading = $"{name}ours: {ResultRows.Name(metric)}{(isOnly || !isShare ? "" : " (train %)")}";
                columns.Add((heading, row => In(row) is { } found && found.Row.Result(metric) is { } result
                    ? $"**{ResultRows.Text(result, isShare)}**{(isOnly || !isShare ? "" : $" ({ResultRows.Text(found.Row.Train?.Mean, true)})")}{Seeds(found.Row, usual)}"
                    : "", reference => reference.Results.TryGetValue(metric, out var result) ? ResultRows.Text(result, isShare) : ""));
                void Beside(string whose, Func<PublishedRow, string> cell)
                {
                    string Of(Found[] row) => In(row) is { } found && ResultRows.Published(found.Report, found.Row, metric) is { } published ? cell(published) : "";
                    if (rows.Any(row => Of(row).Length > 0))
                        columns.Add(($"{name}{whose}", Of, _ => ""));
                }

                Beside(metrics.Length == 1 ? "paper" : $"paper: {ResultRows.Name(metric)}", published => ResultRows.Text(published.Paper, isShare));
                Beside("other publications", published => published.Literature is { } other ? $"{ResultRows.Text(other.Value, isShare)} ({other.Source})" : "");
                Beside(metrics.Length == 1 ? "re-run" : $"re-run: {ResultRows.Name(metric)}", published => ResultRows.Text(published.ReRun, isShare));
            }
        }

        return string.Join('\n', [
            "| " + string.Join(" | ", columns.Select(column => column.Heading)) + " |",
            "|---|" + string.Concat(columns.Skip(1).Select(_ => "---:|")),
            .. rows.Select(row => "| " + string.Join(" | ", columns.Select(column => column.Cell(row))) + " |"),
            .. reports.SelectMany(report => report.References ?? []).Select(reference => "| " + string.Join(" | ", columns.Select(column => column.Reference(reference))) + " |"),
        ]);
    }

    /// <summary>The data, how much of it, how long and how often.</summary>
    /// <param name="reports">The reports, all of one experiment.</param>
    public static string Circumstances(IReadOnlyList<ReportFile> reports)
    {
        static string Range(IEnumerable<int> numbers) =>
            numbers.Distinct().Order().ToArray() is { Length: > 1 } several ? $"{several[0]:N0} to {several[^1]:N0}" : $"{numbers.First():N0}";
        var facts = new List<string>();
        if (reports.Any(report => report.Config is { Quick: true }))
            facts.Add("**a quick look with few samples and epochs, not a result**");
        if (reports.Select(report => report.Config?.TrainingImages).OfType<int>().ToArray() is { Length: > 0 } images)
            facts.Add($"{Range(images)} training samples");
        if (reports.SelectMany(report => report.Runs).Select(run => run.Epochs).ToArray() is { Length: > 0 } epochs)
            facts.Add($"{Range(epochs)} epoch{(epochs.All(number => number == 1) ? "" : "s")}");
        string[] batches = [.. reports.SelectMany(report => ResultRows.Rows(report).Select(row => ResultRows.Setting(report, row, "batch size"))).Distinct().Where(size => size.Length > 0)];
        if (batches.Length > 0)
            facts.Add($"batches of {string.Join(" or ", batches.OrderBy(int.Parse))}");
        RunSummary[] rows = [.. reports.SelectMany(ResultRows.Rows)];
        if (rows.Length > 0 && Usual(rows) is var usual)
            facts.Add($"{usual} seed{(usual == 1 ? "" : "s")}{(rows.All(row => row.Seeds.Count == usual) ? "" : " where a cell says nothing else")}");
        var data = Statement(reports);
        return facts.Count == 0 ? data : $"{data} {string.Join("; ", facts)}.";
    }

    // Of several data sets what is stated of each; the rest of one's statement would be taken for that of all.
    private static string Statement(IReadOnlyList<ReportFile> reports)
    {
        string[] statements = [.. reports.Select(report => report.DataStatement ?? "").Distinct()];
        if (statements is [{ Length: > 0 } same])
            return same;
        var shared = statements.Select(statement => statement.Split(". ").Select(sentence => sentence.TrimEnd('.'))).Aggregate((left, right) => left.Intersect(right));
        string[] sentences = [$"Data: {string.Join(", ", reports.Select(NameOf).Distinct())}", .. shared.Where(sentence => sentence.Length > 0)];
        return string.Join(" ", sentences.Select(sentence => sentence + "."));
    }

    private static string NameOf(ReportFile report) => report.Dataset.Split(':')[0];

    private static int UsualSeeds(IEnumerable<Found> all) => Usual(all.Select(found => found.Row));

    private static int Usual(IEnumerable<RunSummary> rows) => rows.GroupBy(row => row.Seeds.Count).MaxBy(alike => alike.Count())!.Key;

    private static string Seeds(RunSummary row, int usual) => row.Seeds.Count == usual ? "" : $" ({ResultRows.Seeds(row)})";

    // Heads of fewer classes have fewer parameters.
    private static string Trainable(Found[] row) =>
        string.Join(" or ", row.Select(found => found.Row.Trainable).Distinct().Select(number => number.ToString("N0", CultureInfo.InvariantCulture)));
}
