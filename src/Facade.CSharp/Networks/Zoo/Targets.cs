namespace MappingNets;

/// <summary>
/// Known target networks, each with its exact number of weights; where PyTorch's torchvision has the network, names and shapes are
/// its own, so that its files of weights load.
/// </summary>
public static partial class Targets
{
    /// <summary>
    /// CNN1: 1x28x28 -> classes; four padded 3x3 convolutions (32, 64, 128, 128 channels) with three poolings, then 1152-256-classes.
    /// 537,994 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn1(long classes = 10) =>
        Cnn1Layers(TargetNetwork.Input(1, 28, 28), classes).Build("cnn1");

    /// <summary>
    /// CNN2: 1x28x28 -> classes; two 3x3 convolutions (16, 32 channels), each with a pooling, then 800-128-classes.
    /// 108,618 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn2(long classes = 10) =>
        Cnn2Layers(TargetNetwork.Input(1, 28, 28), classes).Build("cnn2");

    /// <summary>
    /// CNN1 for deepfake detection from features: a vector of 2,176 numbers, laid out as an image of 34 x 64 as for
    /// <see cref="Cnn2ForFeatures"/>, then as CNN1. 1,289,602 weights with 2 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn1ForFeatures(long classes = 2) =>
        Cnn1Layers(TargetNetwork.Input(2176).Reshape(1, 34, 64), classes).Build("cnn1-features");

    /// <summary>
    /// CNN2 for deepfake detection from features: a vector of 2,176 numbers, laid out as an image of 34 x 64 (the paper says no
    /// more of the layout than that it is an image), then as CNN2. 406,594 weights with 2 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn2ForFeatures(long classes = 2) =>
        Cnn2Layers(TargetNetwork.Input(2176).Reshape(1, 34, 64), classes).Build("cnn2-features");

    /// <summary>
    /// CNN3, a U-Net: 3 x height x width -> classes x height x width. Encoders of 32, 64 and 128 channels and a bottleneck of 256,
    /// each two times convolution, batch norm and ReLU; decoders of a transposed convolution, the skip and one convolution.
    /// 1,734,803 weights with 19 classes.
    /// </summary>
    /// <param name="classes">The number of classes of a pixel, at least 1.</param>
    /// <param name="height">The image's height, a multiple of 8.</param>
    /// <param name="width">The image's width, a multiple of 8.</param>
    /// <exception cref="ArgumentException">There is no class, or a side is no multiple of 8.</exception>
    public static TargetNetwork Cnn3(long classes = 19, long height = 256, long width = 256)
    {
        RequireMultiple(height, 8, nameof(height));
        RequireMultiple(width, 8, nameof(width));
        return TargetNetwork.Input(3, height, width)
            .Sequence("encoder1", part => ConvBlock(ConvBlock(part, 32), 32))
            .Concatenate(below => below.MaxPool2d(2)
                .Sequence("encoder2", part => ConvBlock(ConvBlock(part, 64), 64))
                .Concatenate(lower => lower.MaxPool2d(2)
                    .Sequence("encoder3", part => ConvBlock(ConvBlock(part, 128), 128))
                    .Concatenate(lowest => lowest.MaxPool2d(2)
                        .Sequence("bottleneck", part => ConvBlock(ConvBlock(part, 256), 256))
                        .ConvTranspose2d(128, 2, stride: 2, name: "up3"), name: "")
                    .Sequence("decoder3", part => ConvBlock(part, 128))
                    .ConvTranspose2d(64, 2, stride: 2, name: "up2"), name: "")
                .Sequence("decoder2", part => ConvBlock(part, 64))
                .ConvTranspose2d(32, 2, stride: 2, name: "up1"), name: "")
            .Sequence("decoder1", part => ConvBlock(part, 32))
            .Conv2d(classes, 1, name: "head")
            .Build("cnn3");
    }

    /// <summary>
    /// The air-pollution LSTM: hours x features -> the next hour's value; one LSTM of 32 and a linear layer. 12,961 weights with 67
    /// features.
    /// </summary>
    /// <param name="features">The features of each hour, at least 1.</param>
    /// <param name="hours">The length of the window, at least 1.</param>
    /// <exception cref="ArgumentException">There is no feature or no hour.</exception>
    public static TargetNetwork Lstm(long features = 67, long hours = 24) =>
        TargetNetwork.Input(hours, features).Lstm(32, name: "lstm").Linear(1, name: "fc").Build("lstm");

    /// <summary>
    /// The other LSTM with the same 12,961 weights: two LSTMs of 32 on one another over a series of single values, and a linear layer.
    /// </summary>
    /// <param name="hours">The length of the window, at least 1.</param>
    /// <exception cref="ArgumentException">There is no hour.</exception>
    public static TargetNetwork LstmTwoLayers(long hours = 24) =>
        TargetNetwork.Input(hours, 1).Lstm(32, layers: 2, name: "lstm").Linear(1, name: "fc").Build("lstm-two-layers");

    /// <summary>A multi-layer perceptron with ReLU between its layers. 235,146 weights as it stands by default.</summary>
    /// <param name="inputs">The length of the input vector, at least 1.</param>
    /// <param name="hidden">The hidden layers' sizes; null for 256 and 128.</param>
    /// <param name="outputs">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">A size is below 1.</exception>
    public static TargetNetwork Mlp(long inputs = 784, IReadOnlyList<long>? hidden = null, long outputs = 10) =>
        (hidden ?? [256, 128])
            .Aggregate(TargetNetwork.Input(inputs), (network, size) => network.Linear(size).ReLU())
            .Linear(outputs)
            .Build("mlp");

    private static TargetNetworkBuilder Cnn1Layers(TargetNetworkBuilder image, long classes) =>
        image
            .Conv2d(32, 3, padding: 1).ReLU().MaxPool2d(2)
            .Conv2d(64, 3, padding: 1).ReLU().MaxPool2d(2)
            .Conv2d(128, 3, padding: 1).ReLU()
            .Conv2d(128, 3, padding: 1).ReLU().MaxPool2d(2)
            .Flatten()
            .Linear(256).ReLU()
            .Linear(classes);

    private static TargetNetworkBuilder Cnn2Layers(TargetNetworkBuilder image, long classes) =>
        image
            .Conv2d(16, 3).ReLU().MaxPool2d(2)
            .Conv2d(32, 3).ReLU().MaxPool2d(2)
            .Flatten()
            .Linear(128).ReLU()
            .Linear(classes);

    private static TargetNetworkBuilder ConvBlock(TargetNetworkBuilder network, long channels) =>
        network.Conv2d(channels, 3, padding: 1).BatchNorm2d().ReLU();

    private static void RequireMultiple(long size, long of, string argument)
    {
        if (size < of || size % of != 0)
            throw new ArgumentException($"{argument} is {size}; it must be a positive multiple of {of}.", argument);
    }
}
