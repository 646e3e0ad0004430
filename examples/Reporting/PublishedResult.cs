namespace MappingNets.Examples.Reporting;

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
        .. Pair("cnn1", "direct", 537_994, 0.9289, 0.9229),
        .. Pair("cnn1", "slvt", 1_024, 0.9302, 0.8340),
        .. Pair("cnn1", "slvt", 2_072, 0.9391, 0.8621),
        .. Pair("cnn1", "lwt", 4_078, 0.9483, 0.8862),
        .. Pair("cnn2", "direct", 108_618, 0.9040, 0.9119),
        .. Pair("cnn2", "slvt", 1_024, 0.8949, 0.8504),
        .. Pair("cnn2", "slvt", 2_048, 0.9188, 0.8682),
        .. Pair("cnn2", "lwt", 1_872, 0.9284, 0.8725),
        .. Pair("cnn2", "lwt", 2_688, 0.9335, 0.8738),
    ];

    private static PublishedResult[] Pair(string target, string method, long trainable, double paper, double reRun) =>
    [
        new(ResultSource.Paper, target, method, trainable, paper),
        new(ResultSource.ReRun, target, method, trainable, reRun),
    ];
}
