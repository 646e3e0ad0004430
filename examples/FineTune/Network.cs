namespace MappingNets.Examples.FineTune;

/// <summary>The network to start from.</summary>
internal static class Network
{
    private const string InPackage = "tools/DnnImageModels/ResNet18Onnx/ResNet18.onnx";

    public static OnnxTarget Load(string path)
    {
        // Its last pooling takes pictures of 224 x 224 only; the features before it come from pictures of any size.
        if (Directory.Exists(path))
            return TargetNetwork.FromOnnx(Path.Combine(path, InPackage), [[3, Pictures.Side, Pictures.Side]], output: "ReLU393_Output_0", name: "resnet18");
        return TargetNetwork.FromOnnx(path, [[3, Pictures.Side, Pictures.Side]]);
    }

    public static OnnxTarget PretrainSmall(string path)
    {
        using var pictures = Pictures.Synthetic(seed: 2, turn: 0);
        var builder = TargetNetwork.Input(3, Pictures.Side, Pictures.Side);
        foreach (var channels in new[] { 16, 32, 64 })
            builder = builder.Conv2d(channels, 3, stride: 2, padding: 1).BatchNorm2d().ReLU();
        using var model = DirectModel.For(builder.GlobalAveragePool2d().Linear(10).Build("small"), seed: 1);
        new Trainer(model, new() { Epochs = 3, BatchSize = 32, Seed = 1 }).Fit(pictures.Training);
        Console.WriteLine($"Pretrained {model.Target} on other synthetic pictures: {Story.Percent(model, pictures.Test)} right.");
        model.ExportOnnx(path);
        return TargetNetwork.FromOnnx(path);
    }
}
