using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class PretrainedResNetTests
{
    [PretrainedResNetFact]
    public void ThePretrainedResNetAgreesWithOnnxRuntime()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(PretrainedResNet.Path!);
        Assert.Equal(15_897_152, target.ParameterCount);
        Assert.Equal(11_648, target.Buffers.Sum(buffer => buffer.Shape.Aggregate(1L, (product, size) => product * size)));
        Assert.Equal([512L], [target.OutputShape.Aggregate(1L, (product, size) => product * size)]);
        // Pixels from 0 to 255, as the network takes them.
        var input = (Agreement.Sample(target.Inputs[0], 1) + 1) * 127.5;
        using var outputs = Agreement.Ours(target, [input]);
        Agreement.AssertClose(
            Agreement.Runtime(PretrainedResNet.Path!, target.InputNames, [input], target.Output).Values, Small.Values(outputs));
    }

    [PretrainedResNetFact]
    public void ThePretrainedResNetIsWrittenAgain()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(PretrainedResNet.Path!);
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(2048).Build();
        model.ExportOnnx(folder.File("same.onnx"));
        Assert.True(File.ReadAllBytes(PretrainedResNet.Path!).AsSpan().SequenceEqual(File.ReadAllBytes(folder.File("same.onnx"))));

        model.ExportOnnx(folder.File("int8.onnx"), StoredPrecision.Int8);
        Assert.InRange(new FileInfo(folder.File("int8.onnx")).Length, 0, 17_000_000);
        var input = (Agreement.Sample(target.Inputs[0], 1) + 1) * 127.5;
        using var outputs = model.Predict(input);
        var stored = Agreement.Runtime(folder.File("int8.onnx"), target.InputNames, [input], target.Output).Values;
        Agreement.AssertClose(Small.Values(outputs), stored, 0.08);
        var measured = Math.Sqrt(Small.Values(outputs).Zip(stored, (one, other) => Math.Pow(one - other, 2)).Average());
        Assert.InRange(measured / model.ExpectedOnnxLoss(StoredPrecision.Int8, input), 0.5, 2);
    }
}
