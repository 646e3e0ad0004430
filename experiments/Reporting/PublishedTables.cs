namespace MappingNets.Experiments.Reporting;

/// <summary>All numbers of the paper's tables, by experiment.</summary>
public static partial class PublishedTables
{
    /// <summary>All of them.</summary>
    public static IEnumerable<PublishedRow> All =>
        [.. Classification, .. Robustness, .. AddOns, .. LossAblation, .. AirPollution, .. Segmentation, .. Deepfake, .. ResNet, .. SmallResNet];

    /// <summary>The numbers of one row; empty where nothing is published of it, as of our own ways to train the same parameters.</summary>
    /// <param name="experiment">The verb.</param>
    /// <param name="row">The row's name.</param>
    /// <param name="dataset">The data set; what stands behind a colon, such as a folder, is not looked at.</param>
    public static IReadOnlyList<PublishedRow> Of(string? experiment, string? row, string dataset) =>
        [.. All.Where(published => published.Experiment == experiment && published.Row == row && published.Dataset == dataset.Split(':')[0])];

    /// <summary>CNN1 and CNN2 on MNIST and FashionMNIST.</summary>
    public static IReadOnlyList<PublishedRow> Classification { get; } =
    [
        .. Both("classification", "cnn1-direct", "cnn1", "direct", 537_994, 0.9932, 0.9938, 0.9289, 0.9229),
        .. Both("classification", "cnn1-slvt-1024", "cnn1", "slvt", 1_024, 0.9878, 0.9691, 0.9302, 0.8340),
        .. Both("classification", "cnn1-slvt-2072", "cnn1", "slvt", 2_072, 0.9956, 0.9751, 0.9391, 0.8621),
        .. Both("classification", "cnn1-lwt-4078", "cnn1", "lwt", 4_078, 0.9967, 0.9809, 0.9483, 0.8862),
        .. Both("classification", "cnn2-direct", "cnn2", "direct", 108_618, 0.9869, 0.9906, 0.9040, 0.9119),
        .. Both("classification", "cnn2-slvt-1024", "cnn2", "slvt", 1_024, 0.9788, 0.9710, 0.8949, 0.8504),
        .. Both("classification", "cnn2-slvt-2048", "cnn2", "slvt", 2_048, 0.9866, 0.9808, 0.9188, 0.8682),
        .. Both("classification", "cnn2-lwt-1872", "cnn2", "lwt", 1_872, 0.9898, 0.9660, 0.9284, 0.8725),
        .. Both("classification", "cnn2-lwt-2688", "cnn2", "lwt", 2_688, 0.9918, 0.9835, 0.9335, 0.8738),
    ];

    /// <summary>CNN2 with other parts of the mapping trained.</summary>
    public static IReadOnlyList<PublishedRow> Robustness { get; } =
    [
        .. Both("robustness", "full-dnn", "cnn2", "mapping-weights", 6_753_104, 0.9712, 0.9912, 0.9011, 0.9010),
        .. Both("robustness", "slvt-unmodulated-1024", "cnn2", "slvt", 1_024, 0.9562, 0.9751, 0.8651, 0.8473),
        .. Both("robustness", "slvt-unmodulated-2048", "cnn2", "slvt", 2_048, 0.9655, 0.9829, 0.8766, 0.8643),
        // The paper's SLVT of its first table, which has the modulation.
        .. Both("robustness", "slvt-modulated-1024", "cnn2", "slvt", 1_024, 0.9788, 0.9710, 0.8949, 0.8504),
        .. Both("robustness", "slvt-modulated-2048", "cnn2", "slvt", 2_048, 0.9866, 0.9808, 0.9188, 0.8682),
        .. Both("robustness", "lv-wmap-2048", "cnn2", "separate-modulation", 2_048, 0.9790, 0.9733, 0.8930, 0.8452),
        .. Both("robustness", "lv-wmap-4096", "cnn2", "separate-modulation", 4_096, 0.9848, 0.9818, 0.9193, 0.8622),
        .. Both("robustness", "lv-full-dnn-543095", "cnn2", "latent-and-mapping", 543_095, 0.9616, 0.9921, 0.9011, 0.9066),
        .. Both("robustness", "lv-full-dnn-1629285", "cnn2", "latent-and-mapping", 1_629_285, 0.9760, 0.9916, 0.9067, 0.9030),
    ];

    /// <summary>CNN2 with low rank or pruning on top, and without.</summary>
    public static IReadOnlyList<PublishedRow> AddOns { get; } =
    [
        .. Both("add-ons", "direct", "cnn2", "direct", 108_618, 0.9869, 0.9906, 0.9040, 0.9119),
        .. Both("add-ons", "direct-low-rank", "cnn2", "low-rank", 35_914, 0.9812, 0.9911, 0.8967, 0.9043),
        .. Both("add-ons", "direct-prune", "cnn2", "pruned", 10_862, 0.9587, 0.9790, 0.8791, 0.8644),
        .. Both("add-ons", "slvt", "cnn2", "slvt", 2_048, 0.9866, 0.9808, 0.9188, 0.8682),
        .. Both("add-ons", "slvt-low-rank", "cnn2", "slvt", 1_456, 0.9780, 0.9702, 0.9067, 0.8527),
        .. Both("add-ons", "slvt-prune", "cnn2", "slvt", 2_048, 0.9593, 0.9492, 0.8870, 0.8065),
        .. Both("add-ons", "lwt", "cnn2", "lwt", 2_688, 0.9918, 0.9835, 0.9335, 0.8738),
        .. Both("add-ons", "lwt-low-rank", "cnn2", "lwt", 2_688, 0.9881, 0.9834, 0.9355, 0.8571),
        .. Both("add-ons", "lwt-prune", "cnn2", "lwt", 2_688, 0.9715, 0.9162, 0.9179, 0.7950),
    ];

    /// <summary>CNN2 on FashionMNIST with the terms of the loss, one after the other; the paper alone.</summary>
    public static IReadOnlyList<PublishedRow> LossAblation { get; } =
    [
        One("loss-ablation", "slvt-task", "fashion-mnist", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.8788, null),
        One("loss-ablation", "slvt-stability", "fashion-mnist", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.8991, null),
        One("loss-ablation", "slvt-smoothness", "fashion-mnist", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.9023, null),
        One("loss-ablation", "slvt-smoothness-alignment", "fashion-mnist", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.9067, null),
        One("loss-ablation", "slvt-all", "fashion-mnist", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.9188, null),
        One("loss-ablation", "lwt-task", "fashion-mnist", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.9111, null),
        One("loss-ablation", "lwt-stability", "fashion-mnist", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.9189, null),
        One("loss-ablation", "lwt-smoothness", "fashion-mnist", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.9150, null),
        One("loss-ablation", "lwt-smoothness-alignment", "fashion-mnist", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.9363, null),
        One("loss-ablation", "lwt-all", "fashion-mnist", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.9408, null),
    ];

    private static PublishedRow[] Both(
        string experiment, string row, string target, string method, long trainable,
        double mnist, double mnistReRun, double fashion, double fashionReRun) =>
    [
        One(experiment, row, "mnist", target, method, trainable, PublishedRow.Accuracy, mnist, mnistReRun),
        One(experiment, row, "fashion-mnist", target, method, trainable, PublishedRow.Accuracy, fashion, fashionReRun),
    ];

    private static PublishedRow One(
        string experiment, string row, string dataset, string target, string method, long trainable, string metric, double paper, double? reRun) =>
        new(experiment, row, dataset, target, method, trainable, metric, paper, reRun);
}
