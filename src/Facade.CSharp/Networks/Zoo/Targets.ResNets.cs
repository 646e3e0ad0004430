namespace MappingNets;

/// <summary>How a residual network takes an image in.</summary>
public enum ResNetStem
{
    /// <summary>A 7x7 convolution of stride 2 and a pooling, for images of about 224 x 224.</summary>
    ImageNet,

    /// <summary>A 3x3 convolution of stride 1 and no pooling, for images of about 32 x 32.</summary>
    Cifar,
}

public static partial class Targets
{
    /// <summary>
    /// ResNet-18: four stages of two basic blocks. 11,689,512 weights with 1,000 classes and the ImageNet stem; 11,173,962 with 10
    /// classes and the CIFAR stem.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <param name="stem">How the image is taken in.</param>
    /// <param name="channels">The image's channels, at least 1.</param>
    /// <param name="side">The image's side in pixels; null for 224 or 32, as the stem has it.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    public static TargetNetwork ResNet18(
        long classes = 1000, ResNetStem stem = ResNetStem.ImageNet, long channels = 3, long? side = null) =>
        ResNet("resnet18", [2, 2, 2, 2], BasicBlock, 1, classes, stem, channels, side);

    /// <summary>ResNet-50: four stages of 3, 4, 6 and 3 bottleneck blocks. 25,557,032 weights with 1,000 classes.</summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <param name="stem">How the image is taken in.</param>
    /// <param name="channels">The image's channels, at least 1.</param>
    /// <param name="side">The image's side in pixels; null for 224 or 32, as the stem has it.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    public static TargetNetwork ResNet50(
        long classes = 1000, ResNetStem stem = ResNetStem.ImageNet, long channels = 3, long? side = null) =>
        ResNet("resnet50", [3, 4, 6, 3], Bottleneck, 4, classes, stem, channels, side);

    /// <summary>
    /// ResNet-20 for small images, the network of He et al. (2015) with about 270,000 weights: three stages of three basic blocks with 16, 32
    /// and 64 channels; where the shape changes, the skip is a 1x1 convolution. 272,474 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <param name="channels">The image's channels, at least 1.</param>
    /// <param name="side">The image's side in pixels.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    public static TargetNetwork ResNet20(long classes = 10, long channels = 3, long side = 32) => ForSmallImages("resnet20", 3, classes, channels, side);

    /// <summary>
    /// ResNet-32 for small images: three stages of five basic blocks with 16, 32 and 64 channels; where the shape changes, the skip
    /// is a 1x1 convolution. 466,906 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <param name="channels">The image's channels, at least 1.</param>
    /// <param name="side">The image's side in pixels.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    public static TargetNetwork ResNet32(long classes = 10, long channels = 3, long side = 32) => ForSmallImages("resnet32", 5, classes, channels, side);

    private static TargetNetwork ForSmallImages(string name, int blocks, long classes, long channels, long side)
    {
        var network = TargetNetwork.Input(channels, side, side)
            .Conv2d(16, 3, padding: 1, bias: false, name: "conv1").BatchNorm2d(name: "bn1").ReLU();
        for (var stage = 0; stage < 3; stage++)
            network = Stage(network, stage, 16L << stage, blocks, BasicBlock);
        return network.GlobalAveragePool2d(name: "avgpool").Linear(classes, name: "fc").Build(name);
    }

    private static TargetNetwork ResNet(
        string name,
        int[] blocks,
        Func<TargetNetworkBuilder, long, long, TargetNetworkBuilder> block,
        long expansion,
        long classes,
        ResNetStem stem,
        long channels,
        long? side)
    {
        if (!Enum.IsDefined(stem))
            throw new ArgumentOutOfRangeException(nameof(stem), stem, "There is no such stem.");
        var small = stem == ResNetStem.Cifar;
        var length = side ?? (small ? 32 : 224);
        var network = TargetNetwork.Input(channels, length, length);
        network = small
            ? network.Conv2d(64, 3, padding: 1, bias: false, name: "conv1").BatchNorm2d(name: "bn1").ReLU()
            : network.Conv2d(64, 7, stride: 2, padding: 3, bias: false, name: "conv1").BatchNorm2d(name: "bn1").ReLU()
                .MaxPool2d(3, stride: 2, padding: 1, name: "maxpool");
        for (var stage = 0; stage < blocks.Length; stage++)
            network = Stage(network, stage, (64L << stage) * expansion, blocks[stage], block);
        return network.GlobalAveragePool2d(name: "avgpool").Linear(classes, name: "fc").Build(name);
    }

    private static TargetNetworkBuilder Stage(
        TargetNetworkBuilder network, int stage, long channels, int blocks, Func<TargetNetworkBuilder, long, long, TargetNetworkBuilder> block) =>
        network.Sequence($"layer{stage + 1}", part =>
        {
            for (var number = 0; number < blocks; number++)
                part = block(part, channels, stage > 0 && number == 0 ? 2 : 1);
            return part;
        });

    private static TargetNetworkBuilder BasicBlock(TargetNetworkBuilder network, long channels, long stride) =>
        network.Residual(
            body => body
                .Conv2d(channels, 3, stride, padding: 1, bias: false).BatchNorm2d().ReLU()
                .Conv2d(channels, 3, padding: 1, bias: false).BatchNorm2d(),
            Shortcut(network, channels, stride),
            relu: true);

    private static TargetNetworkBuilder Bottleneck(TargetNetworkBuilder network, long channels, long stride) =>
        network.Residual(
            body => body
                .Conv2d(channels / 4, 1, bias: false).BatchNorm2d().ReLU()
                .Conv2d(channels / 4, 3, stride, padding: 1, bias: false).BatchNorm2d().ReLU()
                .Conv2d(channels, 1, bias: false).BatchNorm2d(),
            Shortcut(network, channels, stride),
            relu: true);

    private static Func<TargetNetworkBuilder, TargetNetworkBuilder>? Shortcut(TargetNetworkBuilder network, long channels, long stride) =>
        stride == 1 && network.Shape[0] == channels
            ? null
            : skip => skip.Sequence("downsample", part => part.Conv2d(channels, 1, stride, bias: false).BatchNorm2d());
}
