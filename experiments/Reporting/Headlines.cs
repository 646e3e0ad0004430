using System.Globalization;
using System.Text;

namespace MappingNets.Experiments.Reporting;

/// <summary>The table on top of docs/results.md: one line for each result that a reader asks for first.</summary>
internal static class Headlines
{
    private static readonly Headline[] All =
    [
        new("classification-mnist", "cnn2-direct", PublishedRow.Accuracy, ""),
        new("classification-mnist", "cnn2-slvt-2048", PublishedRow.Accuracy, "97.5, a random subspace of 2,000 in LeNet, 44,426 weights (Li et al. 2018)"),
        new("classification-mnist", "cnn1-lwt-4078", PublishedRow.Accuracy, "98.3, a random subspace of 5,000 in LeNet, 44,426 weights (Li et al. 2018)"),
        new("classification", "cnn2-direct", PublishedRow.Accuracy, ""),
        new("classification", "cnn2-slvt-2048", PublishedRow.Accuracy, "77.8, a fixed basis of 250; 85.56 if the basis is redrawn at every step and cannot be stored as 250 numbers (Gressmann et al. 2020)"),
        new("classification", "cnn2-lwt-2688", PublishedRow.Accuracy, ""),
        new("classification", "cnn2-direct-distilled", PublishedRow.Accuracy, ""),
        new("classification", "cnn2-slvt-2048-distilled", PublishedRow.Accuracy, ""),
        new("classification", "cnn2-lwt-2688-distilled", PublishedRow.Accuracy, ""),
        new("classification-cnn1", "cnn1-lwt-4078-distilled", PublishedRow.Accuracy, ""),
        new("robustness", "slvt-unmodulated-2048", PublishedRow.Accuracy, ""),
        new("robustness", "slvt-modulated-2048", PublishedRow.Accuracy, ""),
        new("add-ons", "lwt-low-rank", PublishedRow.Accuracy, ""),
        new("add-ons", "lwt-prune", PublishedRow.Accuracy, ""),
        new("loss-ablation", "lwt-task", PublishedRow.Accuracy, ""),
        new("loss-ablation", "lwt-all", PublishedRow.Accuracy, ""),
        new("timeseries", "direct", PublishedRow.Loss, ""),
        new("timeseries", "slvt-2048", PublishedRow.Loss, ""),
        new("segmentation", "direct", PublishedRow.MeanIntersectionOverUnion, "49.57 on Cityscapes (the paper)"),
        new("segmentation", "lwt-9126", PublishedRow.MeanIntersectionOverUnion, "48.23 on Cityscapes (the paper)"),
        new("deepfake", "cnn2-direct", PublishedRow.Accuracy, "79.03 on Celeb-DF, 79.85 on FaceForensics++ (the paper)"),
        new("deepfake", "cnn2-lwt-2688", PublishedRow.Accuracy, "86.09 on Celeb-DF, 86.28 on FaceForensics++ (the paper)"),
        new("resnet", "resnet20-direct", PublishedRow.Accuracy, "88.92, the same network trained to the end (in Thrash et al. 2025)"),
        new("resnet", "resnet20-lwt-10000", PublishedRow.Accuracy, "83.76, MCNC of 10,098, low rank first, trained to the end (Thrash et al. 2025)"),
        new("resnet-18", "direct", PublishedRow.Accuracy, ""),
        new("resnet-18", "lwt-10000", PublishedRow.Accuracy, ""),
        new("finetune", "cnn1-full", PublishedRow.Accuracy, ""),
        new("finetune", "cnn1-mapping-1024", PublishedRow.Accuracy, ""),
        new("finetune-resnet", "full", PublishedRow.Accuracy, ""),
        new("finetune-resnet", "scales-8192", PublishedRow.Accuracy, ""),
        new("finetune-resnet-camvid", "full", PublishedRow.Accuracy, ""),
        new("finetune-resnet-camvid", "scales-8192", PublishedRow.Accuracy, ""),
        new("text", "to-full", "perplexity", ""),
        new("text", "to-scales-8192", "perplexity", ""),
    ];

    private sealed record Headline(string Folder, string Row, string Metric, string Relative);

    /// <summary>The table, for those results that the folders hold; empty where they hold none.</summary>
    /// <param name="reports">The reports and the names of their folders.</param>
    public static string Table(IReadOnlyList<(string Folder, ReportFile Report)> reports)
    {
        var lines = new StringBuilder();
        foreach (var line in All)
        {
            // A quick look is no result.
            if (reports.FirstOrDefault(pair => pair.Folder == line.Folder).Report is not { } report || report.Config is { Quick: true }
                || ResultRows.Rows(report).FirstOrDefault(row => row.Row == line.Row) is not { } row
                || row.Result(line.Metric) is not { } ours)
                continue;
            var isShare = PublishedRow.IsPercentage(line.Metric);
            var published = ResultRows.Published(report, row, line.Metric);
            var what = line.Metric == PublishedRow.Accuracy ? "" : $", {ResultRows.Name(line.Metric)}";
            lines.Append(
                CultureInfo.InvariantCulture,
                $"| {ResultFolder.ExperimentOf(report) ?? line.Folder}, {report.Dataset.Split(':')[0]}: {row.Label}{what} | {row.Trainable:N0} | {ResultRows.Epochs(report, row)} | "
                + $"{(line.Metric == PublishedRow.Loss ? ResultRows.Text(row.TrainLoss, false) : ResultRows.Text(row.Train, true))} | {ResultRows.Text(published?.Paper, isShare)} | {ResultRows.Text(published?.ReRun, isShare)} | {line.Relative} | **{ResultRows.Text(ours, isShare)}** ({ResultRows.Seeds(row)}) |\n");
        }

        return lines.Length == 0
            ? ""
            : "| result | trained | epochs | train % (or loss) | paper | re-run | nearest published (other data, networks or lengths) | ours |\n|---|---:|---:|---:|---:|---:|---|---:|\n" + lines;
    }
}
