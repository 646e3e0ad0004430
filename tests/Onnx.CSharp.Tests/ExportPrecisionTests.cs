using Google.Protobuf;
using Onnx;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Files in half precision and int8: their size, what they cost, what is expected of that before, and what is no network to train.</summary>
public sealed class ExportPrecisionTests
{
    [Theory]
    [InlineData(StoredPrecision.Half, 0.6, 2e-3)]
    [InlineData(StoredPrecision.Int8, 0.35, 2e-2)]
    public void LessPreciseFilesAreSmallerAndAlmostAsGood(StoredPrecision precision, double share, double loss)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(2, 8, 8).Conv2d(32, 3).ReLU().Flatten().Linear(64).ReLU().Linear(5).Build(), seed: 2);
        model.ExportOnnx(folder.File("whole.onnx"));
        model.ExportOnnx(folder.File("less.onnx"), precision);
        Assert.InRange((double)new FileInfo(folder.File("less.onnx")).Length / new FileInfo(folder.File("whole.onnx")).Length, 0, share);
        var input = Agreement.Sample(model.Target.Inputs[0], 3);
        var error = Agreement.Error(Small.Values(model.Predict(input)), Agreement.Runtime(folder.File("less.onnx"), ["input"], [input], "output").Values);
        Assert.InRange(error, 1e-7, loss);

        // The same for a file that was read.
        var target = TargetNetwork.FromOnnx(folder.File("whole.onnx"));
        using var tuned = ExportTests.Adapted(target, 4, "all");
        tuned.ExportOnnx(folder.File("tuned.onnx"), precision);
        error = Agreement.Error(Small.Values(tuned.Predict(input)), Agreement.Runtime(folder.File("tuned.onnx"), ["input"], [input], "output").Values);
        Assert.InRange(error, 1e-7, loss);
    }

    // Outputs of a linear layer move by the sum over its inputs of x_j times a rounding error of variance step^2 / 12.
    [Fact]
    public void TheExpectedLossOfALinearLayerIsThatOfItsSteps()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(40).Linear(30).Build(), seed: 6);
        var input = Agreement.Sample(model.Target.Inputs[0], 8);
        var step = model.FlatWeights()[..1200].reshape(30, 40).abs().amax([1L]) / 127;
        var expected = Math.Sqrt((step.pow(2) / 12).unsqueeze(0).mul(input.pow(2).sum([1L], keepdim: true)).mean().item<float>());
        Assert.InRange(model.ExpectedOnnxLoss(StoredPrecision.Int8, input) / expected, 0.9, 1.1);
        Assert.Equal(0, model.ExpectedOnnxLoss(StoredPrecision.Single, input));
    }

    [Fact]
    public void TheExpectedLossIsTheSameWhereGradientsAreOff()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(Small.Classifier(), seed: 6);
        var input = Agreement.Sample(model.Target.Inputs[0], 8);
        var expected = model.ExpectedOnnxLoss(StoredPrecision.Int8, input);
        using var noGradient = no_grad();
        Assert.InRange(model.ExpectedOnnxLoss(StoredPrecision.Int8, input) / expected, 0.999, 1.001);
    }

    // Networks of many outputs: their errors share weights, so that the root mean square of a few spreads widely.
    [Theory]
    [InlineData("images")]
    [InlineData("tokens")]
    [InlineData("a sequence")]
    public void TheLossIsTheOneThatWasExpected(string kind)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(
            kind switch
            {
                "images" => TargetNetwork.Input(2, 9, 9).Conv2d(16, 3).BatchNorm2d().ReLU().ConvTranspose2d(16, 3).ReLU().Flatten().Linear(32).Build(),
                "tokens" => TargetNetwork.Input(5, 16).Residual(body => body.LayerNorm().SelfAttention(2)).Linear(32).Gelu().Linear(16).Build(),
                _ => TargetNetwork.Input(5, 12).Lstm(24).Linear(32).Build(),
            },
            seed: 3);
        var input = Agreement.Sample(model.Target.Inputs[0], 12, 7);
        foreach (var precision in new[] { StoredPrecision.Half, StoredPrecision.Int8 })
        {
            var expected = model.ExpectedOnnxLoss(precision, input);
            model.ExportOnnx(folder.File("less.onnx"), precision);
            var (stored, shape) = Agreement.Runtime(folder.File("less.onnx"), ["input"], [input], "output");
            var measured = (tensor(stored, shape) - model.Predict(input)).pow(2).mean().sqrt().item<float>();
            Assert.InRange(measured / expected, 0.7, 1.4);
        }
    }

    // A channel a thousand times smaller than its neighbours keeps its digits, whichever axis counts the outputs.
    [Theory]
    [InlineData("Conv", 0)]
    [InlineData("ConvTranspose", 1)]
    [InlineData("MatMul", 1)]
    [InlineData("Gemm", 0)]
    public void EachOutputHasAStepOfItsOwn(string type, int axis)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var isImage = type.StartsWith("Conv", StringComparison.Ordinal);
        var graph = isImage ? new OnnxGraphs(13, 4, 6, 6).Weight("w", 4, 4, 3, 3) : new OnnxGraphs(13, 4).Weight("w", 4, 4);
        graph.Node(type, "x w", "y", type == "Gemm" ? [("transB", 1)] : []).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).WholeWeights().Build();
        using (no_grad())
            model.parameters().First().narrow(axis, 1, 1).mul_(1e-3);
        model.ExportOnnx(folder.File("int8.onnx"), StoredPrecision.Int8);
        var input = Agreement.Sample(target.Inputs[0], 3);
        var (stored, shape) = Agreement.Runtime(folder.File("int8.onnx"), ["x"], [input], "y");
        Agreement.AssertClose(Small.Values(model.Predict(input).select(1, 1)), Small.Values(tensor(stored, shape).select(1, 1)), 0.02);
    }

    // Files before version 4 list every initialiser as an input; the written file must not, or the runtime fuses nothing.
    [Fact]
    public void AnExportInInt8IsNoNetworkToTrain()
    {
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(Small.Classifier(), seed: 1);
        model.ExportOnnx(folder.File("net.onnx"), StoredPrecision.Int8);
        var fault = Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(folder.File("net.onnx")));
        Assert.Contains("makes weights of whole numbers and a step ('", fault.Message);
        Assert.Contains("single or half precision", fault.Message);
    }

    [Fact]
    public void AMaskOfWholeNumbersTimesANumberIsNoWeight()
    {
        var mask = new TensorProto { Name = "mask", DataType = (int)TensorProto.Types.DataType.Uint8, Dims = { 3 }, RawData = ByteString.CopyFrom(0, 1, 0) };
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 3).Node("MatMul", "x w", "a").Floats("minus", [], [-1e4f])
            .Node("Cast", "mask", "masked", ("to", (int)TensorProto.Types.DataType.Float)).Node("Mul", "masked minus", "far").Node("Add", "a far", "y").Output("y");
        graph.Model.Graph.Initializer.Add(mask);
        Agreement.Check(graph);
    }

    [Fact]
    public void WhatIsExpectedOfSamplesOfAnotherShapeIsRefused()
    {
        using var model = DirectModel.For(Small.Classifier(), seed: 1);
        using var wrong = ones(2, 3);
        Assert.Throws<ArgumentException>(() => model.ExpectedOnnxLoss(StoredPrecision.Int8, wrong));
        Assert.ThrowsAny<ArgumentException>(() => model.ExpectedOnnxLoss(StoredPrecision.Int8, [null!]));
        using var right = ones(2, 4);
        // Its gradients cannot be there, and asking libtorch for them would end the process.
        using (inference_mode(true))
            Assert.Contains("torch.inference_mode is on", Assert.Throws<InvalidOperationException>(() => model.ExpectedOnnxLoss(StoredPrecision.Int8, right)).Message);
    }
}
