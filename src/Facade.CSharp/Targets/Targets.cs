namespace MappingNets;

/// <summary>The paper's target networks, each with its exact number of weights.</summary>
public static class Targets
{
    /// <summary>
    /// CNN1: 1x28x28 -> classes; four padded 3x3 convolutions (32, 64, 128, 128 channels) with three poolings, then 1152-256-classes.
    /// 537,994 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn1(long classes = 10) =>
        TargetNetwork.Input(1, 28, 28)
            .Conv2d(32, 3, padding: 1).ReLU().MaxPool2d(2)
            .Conv2d(64, 3, padding: 1).ReLU().MaxPool2d(2)
            .Conv2d(128, 3, padding: 1).ReLU()
            .Conv2d(128, 3, padding: 1).ReLU().MaxPool2d(2)
            .Flatten()
            .Linear(256).ReLU()
            .Linear(classes)
            .Build("cnn1");

    /// <summary>
    /// CNN2: 1x28x28 -> classes; two 3x3 convolutions (16, 32 channels), each with a pooling, then 800-128-classes.
    /// 108,618 weights with 10 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Cnn2(long classes = 10) =>
        TargetNetwork.Input(1, 28, 28)
            .Conv2d(16, 3).ReLU().MaxPool2d(2)
            .Conv2d(32, 3).ReLU().MaxPool2d(2)
            .Flatten()
            .Linear(128).ReLU()
            .Linear(classes)
            .Build("cnn2");
}
