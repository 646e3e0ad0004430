namespace MappingNets.Experiments.Reporting;

/// <summary>All numbers of the paper's tables, by experiment.</summary>
public static partial class PublishedTables
{
    /// <summary>The LSTM on Beijing's air: mean squared error of the next hour's PM2.5, scaled to 0 to 1.</summary>
    public static IReadOnlyList<PublishedRow> AirPollution { get; } =
    [
        One("timeseries", "direct", "prsa", "lstm", "direct", 12_961, PublishedRow.Loss, 0.0035, 0.000298),
        One("timeseries", "slvt-64", "prsa", "lstm", "slvt", 64, PublishedRow.Loss, 0.0019, 0.001849),
        One("timeseries", "slvt-256", "prsa", "lstm", "slvt", 256, PublishedRow.Loss, 0.00093, 0.001613),
        One("timeseries", "slvt-512", "prsa", "lstm", "slvt", 512, PublishedRow.Loss, 0.0008, 0.001442),
        One("timeseries", "slvt-1024", "prsa", "lstm", "slvt", 1_024, PublishedRow.Loss, 0.00065, 0.00133),
        One("timeseries", "slvt-2048", "prsa", "lstm", "slvt", 2_048, PublishedRow.Loss, 0.00061, 0.000748),
    ];

    /// <summary>CNN3 on Cityscapes: share of right pixels, loss, and intersection over union; the paper alone.</summary>
    public static IReadOnlyList<PublishedRow> Segmentation { get; } =
    [
        One("segmentation", "direct", "cityscapes", "cnn3", "direct", 1_734_803, PublishedRow.Accuracy, 0.9321, null),
        One("segmentation", "direct", "cityscapes", "cnn3", "direct", 1_734_803, PublishedRow.Loss, 0.1506, null),
        One("segmentation", "direct", "cityscapes", "cnn3", "direct", 1_734_803, PublishedRow.MeanIntersectionOverUnion, 0.4957, null),
        One("segmentation", "slvt-8192", "cityscapes", "cnn3", "slvt", 8_192, PublishedRow.Accuracy, 0.9792, null),
        One("segmentation", "slvt-8192", "cityscapes", "cnn3", "slvt", 8_192, PublishedRow.Loss, 0.1233, null),
        One("segmentation", "slvt-8192", "cityscapes", "cnn3", "slvt", 8_192, PublishedRow.MeanIntersectionOverUnion, 0.4623, null),
        One("segmentation", "lwt-9126", "cityscapes", "cnn3", "lwt", 9_126, PublishedRow.Accuracy, 0.9756, null),
        One("segmentation", "lwt-9126", "cityscapes", "cnn3", "lwt", 9_126, PublishedRow.Loss, 0.1002, null),
        One("segmentation", "lwt-9126", "cityscapes", "cnn3", "lwt", 9_126, PublishedRow.MeanIntersectionOverUnion, 0.4823, null),
    ];

    /// <summary>CNN1 and CNN2 on feature vectors of Celeb-DF and FaceForensics++; the paper alone.</summary>
    public static IReadOnlyList<PublishedRow> Deepfake { get; } =
    [
        One("deepfake", "cnn1-direct", "celeb-df", "cnn1", "direct", 537_994, PublishedRow.Accuracy, 0.8313, null),
        One("deepfake", "cnn1-slvt-1024", "celeb-df", "cnn1", "slvt", 1_024, PublishedRow.Accuracy, 0.8392, null),
        One("deepfake", "cnn1-slvt-2048", "celeb-df", "cnn1", "slvt", 2_048, PublishedRow.Accuracy, 0.8888, null),
        One("deepfake", "cnn1-lwt-1956", "celeb-df", "cnn1", "lwt", 1_956, PublishedRow.Accuracy, 0.8878, null),
        One("deepfake", "cnn1-lwt-2792", "celeb-df", "cnn1", "lwt", 2_792, PublishedRow.Accuracy, 0.8998, null),
        One("deepfake", "cnn2-direct", "celeb-df", "cnn2", "direct", 108_618, PublishedRow.Accuracy, 0.7903, null),
        One("deepfake", "cnn2-slvt-1024", "celeb-df", "cnn2", "slvt", 1_024, PublishedRow.Accuracy, 0.7883, null),
        One("deepfake", "cnn2-slvt-2048", "celeb-df", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.8590, null),
        One("deepfake", "cnn2-lwt-1872", "celeb-df", "cnn2", "lwt", 1_872, PublishedRow.Accuracy, 0.8454, null),
        One("deepfake", "cnn2-lwt-2688", "celeb-df", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.8609, null),
        One("deepfake", "cnn1-direct", "ff++", "cnn1", "direct", 537_994, PublishedRow.Accuracy, 0.8244, null),
        One("deepfake", "cnn1-slvt-1024", "ff++", "cnn1", "slvt", 1_024, PublishedRow.Accuracy, 0.8111, null),
        One("deepfake", "cnn1-slvt-2048", "ff++", "cnn1", "slvt", 2_048, PublishedRow.Accuracy, 0.8523, null),
        One("deepfake", "cnn1-lwt-1956", "ff++", "cnn1", "lwt", 1_956, PublishedRow.Accuracy, 0.8623, null),
        One("deepfake", "cnn1-lwt-2792", "ff++", "cnn1", "lwt", 2_792, PublishedRow.Accuracy, 0.8805, null),
        One("deepfake", "cnn2-direct", "ff++", "cnn2", "direct", 108_618, PublishedRow.Accuracy, 0.7985, null),
        One("deepfake", "cnn2-slvt-1024", "ff++", "cnn2", "slvt", 1_024, PublishedRow.Accuracy, 0.8278, null),
        One("deepfake", "cnn2-slvt-2048", "ff++", "cnn2", "slvt", 2_048, PublishedRow.Accuracy, 0.8409, null),
        One("deepfake", "cnn2-lwt-1872", "ff++", "cnn2", "lwt", 1_872, PublishedRow.Accuracy, 0.8310, null),
        One("deepfake", "cnn2-lwt-2688", "ff++", "cnn2", "lwt", 2_688, PublishedRow.Accuracy, 0.8628, null),
    ];

    /// <summary>ResNet-18 from scratch on CIFAR-10 and CIFAR-100; the paper alone.</summary>
    public static IReadOnlyList<PublishedRow> ResNet { get; } =
    [
        One("resnet", "direct", "cifar-10", "resnet18", "direct", 11_173_962, PublishedRow.Accuracy, 0.9411, null),
        One("resnet", "lwt-10000", "cifar-10", "resnet18", "lwt", 10_000, PublishedRow.Accuracy, 0.9313, null),
        One("resnet", "lwt-15000", "cifar-10", "resnet18", "lwt", 15_000, PublishedRow.Accuracy, 0.9502, null),
        One("resnet", "lwt-20000", "cifar-10", "resnet18", "lwt", 20_000, PublishedRow.Accuracy, 0.9586, null),
        One("resnet", "direct", "cifar-100", "resnet18", "direct", 11_220_132, PublishedRow.Accuracy, 0.7620, null),
        One("resnet", "lwt-10000", "cifar-100", "resnet18", "lwt", 10_000, PublishedRow.Accuracy, 0.7580, null),
        One("resnet", "lwt-15000", "cifar-100", "resnet18", "lwt", 15_000, PublishedRow.Accuracy, 0.7732, null),
        One("resnet", "lwt-20000", "cifar-100", "resnet18", "lwt", 20_000, PublishedRow.Accuracy, 0.7794, null),
    ];

    /// <summary>
    /// ResNet-20 from scratch on CIFAR-10 as other publications report it: PRANC (ICCV 2023), NOLA and MCNC (ICLR 2024, 2025) and MCNC's dense network.
    /// </summary>
    public static IReadOnlyList<PublishedRow> SmallResNet { get; } =
    [
        Elsewhere("resnet20-direct", "direct", 272_474, 0.8892, "dense, in MCNC"),
        Elsewhere("resnet20-pranc-10000", "pranc-structured", 10_000, 0.8148, "PRANC, 10,000"),
        Elsewhere("resnet20-nola-11500", "nola", 11_500, 0.8240, "NOLA, 11,500"),
        Elsewhere("resnet20-mcnc-10000", "mcnc", 10_000, 0.8235, "MCNC, 10,098"),
        Elsewhere("resnet20-mcnc-low-rank-10000", "mcnc-low-rank", 10_000, 0.8376, "MCNC, 10,098"),
    ];

    private static PublishedRow Elsewhere(string row, string method, long trainable, double accuracy, string source) =>
        new("resnet", row, "cifar-10", "resnet20", method, trainable, PublishedRow.Accuracy, null, null) { Literature = new(accuracy, source) };
}
