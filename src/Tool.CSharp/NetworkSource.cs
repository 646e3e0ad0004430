namespace MappingNets.Tool;

/// <summary>Target networks as a user names them on the command line.</summary>
internal static class NetworkSource
{
    public const string Help =
        "cnn1 or cnn2 (28 x 28 grey), resnet18, resnet32 (pictures of any size and channels), mlp (any input), or an ONNX file; ONNX networks are fine-tuned.";

    /// <summary>The network for samples of a shape.</summary>
    /// <param name="text">As <see cref="Help"/> has it.</param>
    /// <param name="inputShape">A sample's shape.</param>
    /// <param name="classes">How many classes there are.</param>
    public static TargetNetwork Open(string text, IReadOnlyList<long> inputShape, int classes)
    {
        switch (text)
        {
            case "cnn1":
                return Targets.Cnn1(classes);
            case "cnn2":
                return Targets.Cnn2(classes);
            case "resnet18":
                return Targets.ResNet18(classes, ResNetStem.Cifar, Picture(text, inputShape).Channels, Picture(text, inputShape).Side);
            case "resnet32":
                return Targets.ResNet32(classes, Picture(text, inputShape).Channels, Picture(text, inputShape).Side);
            case "mlp":
                return TargetNetwork.Input([.. inputShape]).Flatten().Linear(256).ReLU().Linear(128).ReLU().Linear(classes).Build("mlp");
            default:
                if (!text.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
                    throw new ArgumentException($"--network is '{MessageText.Of(text)}'; it must be one of {Help}");
                var onnx = Scores(text, TargetNetwork.FromOnnx(text, [[.. inputShape]]));
                return onnx.OutputShape is [var outputs] && outputs == classes ? onnx : onnx.WithHead(classes);
        }
    }

    // Training and probabilities begin from scores before the softmax, which many files end in; a new head leaves it out too.
    private static OnnxTarget Scores(string path, OnnxTarget network)
    {
        var name = network.Output;
        while (network.File.Model.Graph.Node.FirstOrDefault(node => node.Output.Contains(name)) is { Input: [var before, ..] } last)
            if (last.OpType == "Softmax")
                return TargetNetwork.FromOnnx(path, [[.. network.InputShape]], output: before);
            else if (last.OpType is "Identity" or "Cast")
                name = before;
            else
                break;
        return network;
    }

    /// <summary>The files beside an ONNX file in which it keeps tensors; none where it is not there, which is told when it is opened.</summary>
    public static string[] ExternalFiles(string onnx) => File.Exists(onnx)
        ? [.. OnnxFile.Read(onnx, ReadLimits.Default).Initializers.Values.Select(tensor => tensor.External?.FullPath).OfType<string>().Distinct()]
        : [];

    /// <summary>The weights that a network is fine-tuned from; null where there are none.</summary>
    public static PretrainedWeights? Weights(TargetNetwork network, string? file) =>
        file is not null ? PretrainedWeights.FromFile(file) : network is OnnxTarget onnx ? PretrainedWeights.Of(onnx) : null;

    private static (long Channels, long Side) Picture(string network, IReadOnlyList<long> shape) => shape is [var channels, var height, var width] && height == width
        ? (channels, height)
        : throw new ArgumentException($"--network {network} takes square pictures; the samples have the shape ({string.Join(", ", shape)}).");
}
