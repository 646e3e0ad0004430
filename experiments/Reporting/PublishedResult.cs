namespace MappingNets.Experiments.Reporting;

/// <summary>Who reports a number.</summary>
public enum ResultSource
{
    /// <summary>"Mapping Networks", CVPR 2026.</summary>
    Paper,

    /// <summary>An independent third-party re-run of its tables (seed 42, best test epoch).</summary>
    ReRun,
}

/// <summary>A published accuracy, to be shown beside ours and marked as what it is.</summary>
/// <param name="Source">Who reports it.</param>
/// <param name="Target">The target network's name.</param>
/// <param name="Method">"direct", "slvt" or "lwt".</param>
/// <param name="Trainable">How many numbers were trained.</param>
/// <param name="TestAccuracy">From 0 to 1.</param>
public sealed record PublishedResult(ResultSource Source, string Target, string Method, long Trainable, double TestAccuracy)
{
    /// <summary>The FashionMNIST accuracies of CNN1 and CNN2 in the paper's classification table and its re-run.</summary>
    public static IReadOnlyList<PublishedResult> FashionMnist { get; } =
    [
        .. PublishedTables.Classification.Where(row => row.Dataset == "fashion-mnist").SelectMany(row => new PublishedResult[]
        {
            new(ResultSource.Paper, row.Target, row.Method, row.Trainable, row.Paper!.Value),
            new(ResultSource.ReRun, row.Target, row.Method, row.Trainable, row.ReRun!.Value),
        }),
    ];
}
