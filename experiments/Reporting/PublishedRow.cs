namespace MappingNets.Experiments.Reporting;

/// <summary>What a publication other than the paper reports of a method of its own.</summary>
/// <param name="Value">The number; accuracies as shares from 0 to 1.</param>
/// <param name="Source">Whose, and with how many trained parameters, such as "PRANC, 10,000".</param>
public sealed record LiteratureResult(double Value, string Source);

/// <summary>A number of the paper's tables, and what an independent re-run of them got; or a number of another publication.</summary>
/// <param name="Experiment">The verb that makes the table here.</param>
/// <param name="Row">The row's name on the command line.</param>
/// <param name="Dataset">The data set.</param>
/// <param name="Target">The target network's name.</param>
/// <param name="Method">How it was trained.</param>
/// <param name="Trainable">How many numbers were trained.</param>
/// <param name="Metric">What is measured on the test set: <see cref="Accuracy"/>, <see cref="Loss"/>, or a figure's name.</param>
/// <param name="Paper">What "Mapping Networks", CVPR 2026, prints; accuracies as shares from 0 to 1; null where it has no such row.</param>
/// <param name="ReRun">What an independent third-party re-run got (seed 42, best test epoch); null where it has no such row.</param>
public sealed record PublishedRow(
    string Experiment, string Row, string Dataset, string Target, string Method, long Trainable, string Metric, double? Paper, double? ReRun)
{
    /// <summary>The share of right labels.</summary>
    public const string Accuracy = "accuracy";

    /// <summary>The task's loss: cross-entropy, or the mean squared error for a regression.</summary>
    public const string Loss = "loss";

    /// <summary>The mean over the classes of intersection over union.</summary>
    public const string MeanIntersectionOverUnion = "mIoU";

    /// <summary>What another publication reports of the same network and data; null where the row is the paper's.</summary>
    public LiteratureResult? Literature { get; init; }

    /// <summary>Whether more is better.</summary>
    public bool HigherIsBetter => Metric != Loss;

    /// <summary>Whether the number is a share that tables print in percent.</summary>
    public bool IsShare => IsPercentage(Metric);

    /// <summary>Whether tables print a metric in percent.</summary>
    /// <param name="metric">Its name in reports.</param>
    public static bool IsPercentage(string metric) => metric is Accuracy or MeanIntersectionOverUnion;
}
