using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>A network from a file for another number of classes.</summary>
public sealed class HeadTests
{
    [Theory]
    [InlineData("Gemm")]
    [InlineData("Gemm, the weight as it is")]
    [InlineData("MatMul and Add")]
    [InlineData("Gemm and Softmax")]
    public void TheLastLayerIsReplaced(string kind)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4).Weight("fc1.weight", 6, 4).Node("Gemm", "x fc1.weight", "a", ("transB", 1)).Node("Relu", "a", "b");
        if (kind.StartsWith("Gemm,", StringComparison.Ordinal))
            graph.Weight("fc2.weight", 6, 5).Weight("fc2.bias", 5).Node("Gemm", "b fc2.weight fc2.bias", "y").Output("y");
        else if (kind.StartsWith("Gemm", StringComparison.Ordinal))
            graph.Weight("fc2.weight", 5, 6).Weight("fc2.bias", 5).Node("Gemm", "b fc2.weight fc2.bias", "c", ("transB", 1))
                .Node(kind.EndsWith("Softmax", StringComparison.Ordinal) ? "Softmax" : "Identity", "c", "y").Output(kind == "Gemm" ? "c" : "y");
        else
            graph.Weight("fc2.weight", 6, 5).Weight("fc2.bias", 5).Node("MatMul", "b fc2.weight", "c").Node("Add", "fc2.bias c", "y").Output("y");
        var old = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        var target = old.WithHead(3);
        Assert.Equal([3L], target.OutputShape);
        Assert.Equal(["fc1.weight", "fc2.weight", "fc2.bias"], target.Parameters.Select(parameter => parameter.Name));
        Assert.Equal(24 + 18 + 3, target.ParameterCount);
        TrainsAndIsWritten(target, folder);

        // The old weights do for all but the head, which fine-tuning then starts anew.
        using var pretrained = PretrainedWeights.Of(old);
        using var model = FineTuning.Of(target, pretrained).Groups(4).Build();
        Assert.Equal(["fc2.weight", "fc2.bias"], model.DirectlyTrained);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FeaturesGetALayer(bool isMap)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 2, 5, 5).Weight("conv", 4, 2, 3, 3).Node("Conv", "x conv", "a").Node("Relu", "a", "b");
        graph = isMap ? graph.Output("b") : graph.Node("GlobalMaxPool", "b", "c").Node("Flatten", "c", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(["conv(4, 2, 3, 3)", "head.weight(3, 4)", "head.bias(3)"], target.Parameters.Select(parameter => parameter.ToString()));
        TrainsAndIsWritten(target, folder);
        // Once more: now there is a layer to replace.
        Assert.Equal([7L], target.WithHead(7).OutputShape);
    }

    // What ExportOnnx writes ends in an Identity.
    [Fact]
    public void TheLastLayerOfAWrittenNetworkIsReplaced()
    {
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(Small.Classifier(), seed: 1);
        model.ExportOnnx(folder.File("net.onnx"));
        var target = TargetNetwork.FromOnnx(folder.File("net.onnx")).WithHead(7);
        Assert.Equal(["fc1.weight(14, 4)", "fc1.bias(14)", "fc2.weight(7, 14)", "fc2.bias(7)"], target.Parameters.Select(parameter => parameter.ToString()));
    }

    // A pooling of 6 x 6 windows fixes the size of pictures; the features before it come from any, in the written file too.
    [Fact]
    public void FeaturesBeforeAPoolingTakeOtherPictures()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 2, 8, 8).Weight("conv", 4, 2, 3, 3).Weight("unused", 4, 1, 1).Node("Conv", "x conv", "a").Node("Relu", "a", "b")
            .Node("AveragePool", "b", "c", ("kernel_shape", new[] { 6, 6 })).Node("Mul", "c unused", "y").Output("y");
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path, [[2, 5, 6]]));
        var target = TargetNetwork.FromOnnx(path, [[2, 5, 6]], output: "b").WithHead(3);
        Assert.Equal(["conv", "head.weight", "head.bias"], target.Parameters.Select(parameter => parameter.Name));
        TrainsAndIsWritten(target, folder);
    }

    [Theory]
    [InlineData(Kind.Float16)]
    [InlineData(Kind.Bfloat16)]
    [InlineData(Kind.Double)]
    public void TheLastLayerOfAnotherPrecisionIsReplacedInIt(Kind type)
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13).Input("x", type, 4).Stored("fc1", type, 6, 4).Stored("fc2", type, 5, 6).Stored("bias", type, 5)
            .Node("Gemm", "x fc1", "a", ("transB", 1)).Node("Relu", "a", "b").Node("Gemm", "b fc2 bias", "y", ("transB", 1)).Output("y", type);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(["fc1(6, 4)", "fc2(3, 6)", "bias(3)"], target.Parameters.Select(parameter => parameter.ToString()));
        Assert.Equal([type, type], new[] { "fc2", "bias" }.Select(name => target.File.Initializers[name].Type));
        Assert.Equal((int)type, target.File.Model.Graph.Output[0].Type.TensorType.ElemType);
    }

    [Fact]
    public void FeaturesOfAnotherPrecisionGetALayerInIt()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13).Input("x", Kind.Float16, 4).Stored("w", Kind.Float16, 4).Node("Mul", "x w", "y").Output("y", Kind.Float16);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(Kind.Float16, target.File.Initializers["head.weight"].Type);
    }

    // Converters leave out the types of what lies in between.
    [Theory]
    [InlineData("input", Kind.Float16)]
    [InlineData("cast", Kind.Bfloat16)]
    [InlineData("table", Kind.Float16)]
    [InlineData("choice", Kind.Float16)]
    [InlineData("single", Kind.Float)]
    public void FeaturesWhoseTypeTheFileDoesNotStateGetALayerInTheirs(string kind, Kind type)
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13).Stored("w", type, 4);
        graph = kind switch
        {
            "cast" => graph.Input("x", Kind.Float, 4).Node("Cast", "x", "h", ("to", (int)type)).Node("Mul", "h w", "a"),
            "table" => graph.Input("x", Kind.Int64, 3).Stored("table", type, 5, 4).Node("Gather", "table x", "a"),
            "choice" => graph.Input("z", Kind.Float, 4).Input("x", type, 4).Node("Mul", "x w", "m").Node("Less", "z z", "c").Node("Where", "c m x", "a"),
            _ => graph.Input("x", type, 4).Node("Mul", "x w", "a"),
        };
        graph.Node("Relu", "a", "features").Node("Neg", "features", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()), output: "features").WithHead(3);
        Assert.Equal([type, type], new[] { "head.weight", "head.bias" }.Select(name => target.File.Initializers[name].Type));
        Assert.Equal((int)type, target.File.Model.Graph.Output[0].Type.TensorType.ElemType);
    }

    [Fact]
    public void FeaturesOfNoKnownTypeGetNoLayer()
    {
        using var folder = new TemporaryFolder();
        var then = new OnnxGraphs(13).Node("Abs", "a", "p").Output("p");
        var otherwise = new OnnxGraphs(13).Node("Neg", "a", "q").Output("q");
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Number("zero", 0).Node("Mul", "x w", "a").Node("Equal", "zero zero", "c")
            .Node("If", "c", "features", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Node("Neg", "features", "y").Output("y");
        var path = folder.Write("net.onnx", graph.Bytes());
        var target = TargetNetwork.FromOnnx(path, output: "features");
        Assert.Contains("does not state the type of 'features'", Assert.Throws<NotSupportedException>(() => target.WithHead(3)).Message);
        Assert.Equal([3L], TargetNetwork.FromOnnx(path).WithHead(3).OutputShape);
    }

    [Fact]
    public void ALayerThatGivesAVectorForEachTokenIsDescribedSo()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 3, 4).Weight("w", 4, 5).Weight("b", 5).Node("MatMul", "x w", "a").Node("Add", "a b", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(2);
        Assert.Equal([3L, 2], target.OutputShape);
        Assert.Equal([0L, 3, 2], target.File.Model.Graph.Output[0].Type.TensorType.Shape.Dim.Select(size => size.DimValue));
        TrainsAndIsWritten(target, folder);
    }

    // As converters make them: half precision inside, single precision outside.
    [Theory]
    [InlineData("Cast", "Softmax")]
    [InlineData("Softmax", "Cast")]
    public void TheLastLayerBeforeACastIsReplaced(string next, string last)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4).Stored("fc1", Kind.Float16, 6, 4).Stored("fc2", Kind.Float16, 5, 6)
            .Node("Cast", "x", "h", ("to", (int)Kind.Float16)).Node("Gemm", "h fc1", "a", ("transB", 1)).Node("Relu", "a", "b")
            .Node("Gemm", "b fc2", "c", ("transB", 1));
        foreach (var (type, from, to) in new[] { (next, "c", "d"), (last, "d", "y") })
            graph.Node(type, from, to, type == "Cast" ? [("to", (int)Kind.Float)] : []);
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Output("y").Bytes())).WithHead(3);
        Assert.Equal(["fc1(6, 4)", "fc2(3, 6)"], target.Parameters.Select(parameter => parameter.ToString()));
        using var model = DirectModel.For(target, seed: 1);
        model.ExportOnnx(folder.File("new.onnx"));
        var input = Agreement.Sample(target.Inputs[0], 3);
        Agreement.AssertClose(
            Small.Values(model.Predict(input)), Agreement.Runtime(folder.File("new.onnx"), ["x"], [input], target.Output).Values, tolerance: 1e-2);
    }

    [Fact]
    public void ALastWeightThatANodeMakesIsRefused()
    {
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(Small.Classifier(), seed: 1);
        model.ExportOnnx(folder.File("net.onnx"), StoredPrecision.Half);
        var target = TargetNetwork.FromOnnx(folder.File("net.onnx"));
        Assert.Contains("'fc2.weight' is made by a node (Cast)", Assert.Throws<NotSupportedException>(() => target.WithHead(7)).Message);
    }

    [Fact]
    public void ALastLayerWhoseBiasIsLeftOutIsReplaced()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Weight("w", 5, 4).Node("Gemm", "x w -", "y", ("transB", 1)).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(["w(3, 4)"], target.Parameters.Select(parameter => parameter.ToString()));
    }

    [Fact]
    public void AProductOfWhatTheNetworkComputesIsFeatures()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4, 6).Weight("w", 6).Node("Mul", "x w", "a").Node("Transpose", "a", "b", ("perm", new[] { 0, 2, 1 }))
            .Node("MatMul", "a b", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(["w(6)", "head.weight(3, 16)", "head.bias(3)"], target.Parameters.Select(parameter => parameter.ToString()));
    }

    [Fact]
    public void AProductThatIsAddedToItselfIsFeatures()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 5).Node("MatMul", "x w", "m").Node("Add", "m m", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).WithHead(3);
        Assert.Equal(["w(4, 5)", "head.weight(3, 5)", "head.bias(3)"], target.Parameters.Select(parameter => parameter.ToString()));
    }

    [Fact]
    public void AnInputThatTheChosenOutputDoesNotNeedStays()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 4).Input("other", Kind.Float, 3).Weight("w", 5, 4).Weight("v", 3).Node("Gemm", "x w", "a", ("transB", 1))
            .Node("Mul", "other v", "b").Output("a").Output("b");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()), output: "a").WithHead(3);
        Assert.Equal(["x", "other"], target.InputNames);
        using var model = DirectModel.For(target, seed: 1);
        model.ExportOnnx(folder.File("new.onnx"));
        Tensor[] inputs = [.. target.Inputs.Select((input, index) => Agreement.Sample(input, 2, index))];
        Agreement.AssertClose(Small.Values(model.Predict(inputs)), Agreement.Runtime(folder.File("new.onnx"), target.InputNames, inputs, target.Output).Values);
    }

    [Fact]
    public void ALayerWithAnotherUseIsRefused()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 4).Node("Gemm", "x w", "a", ("transB", 1)).Node("Gemm", "a w", "y", ("transB", 1)).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        Assert.Contains("'w'", Assert.Throws<NotSupportedException>(() => target.WithHead(3)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => target.WithHead(0));
    }

    private static void TrainsAndIsWritten(OnnxTarget target, TemporaryFolder folder)
    {
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).WholeWeights().Build();
        var input = Agreement.Sample(target.Inputs[0], 3);
        Assert.All(Small.Values(model.Predict(input)), value => Assert.Equal(0, value));
        model.forward(input).sum().backward();
        using (no_grad())
            foreach (var weight in model.parameters())
                weight.sub_(weight.grad ?? zeros_like(weight));
        model.ExportOnnx(folder.File("new.onnx"));
        var expected = Small.Values(model.Predict(input));
        Assert.Contains(expected, value => value != 0);
        Agreement.AssertClose(expected, Agreement.Runtime(folder.File("new.onnx"), ["x"], [input], target.Output).Values);
    }
}
