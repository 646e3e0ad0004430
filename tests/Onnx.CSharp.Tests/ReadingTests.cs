using Google.Protobuf;
using Onnx;
using Xunit;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>What becomes of a file's tensors, and that such a network trains like any other.</summary>
public sealed class ReadingTests
{
    [Fact]
    public void FloatsBecomeParametersAndStatisticsBuffers()
    {
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", Normalised().Bytes()), name: "mine");
        Assert.Equal("mine", target.Name);
        Assert.Equal([2L, 5, 5], target.InputShape);
        Assert.Equal([3L], target.OutputShape);
        Assert.Equal(
            ["conv.weight(4, 2, 3, 3)", "conv.bias(4)", "bn.weight(4)", "bn.bias(4)", "fc.weight(3, 4)", "fc.bias(3)"],
            target.Parameters.Select(parameter => parameter.ToString()));
        Assert.Equal([18L, 18, 4, 4, 4, 4], target.Parameters.Select(parameter => parameter.FanIn));
        Assert.Equal([0.0, 0, 1, 0, 0, 0], target.Parameters.Select(parameter => parameter.Center));
        Assert.Equal(["bn.mean(4)", "bn.var(4)"], target.Buffers.Select(buffer => buffer.ToString()));
        using var state = target.CreateState();
        Assert.All(Small.Values(state["bn.var"]), value => Assert.InRange(value, 0.5f, 1.5f));
    }

    [Fact]
    public void AFolderInThePlaceOfAFileIsAnIOExceptionThatNamesIt()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains($"'{folder.Path}' cannot be read: it is a folder", Assert.Throws<IOException>(() => TargetNetwork.FromOnnx(folder.Path)).Message);
        Assert.Throws<FileNotFoundException>(() => TargetNetwork.FromOnnx(folder.File("missing.onnx")));
    }

    [Fact]
    public void TrainingMovesTheStatisticsByTheFilesMomentum()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(15, 3, 4, 4).Weight("g", 3).Weight("b", 3).Weight("mean", 3).Positive("var", 3)
            .Node("BatchNormalization", "x g b mean var", "y", ("momentum", 0.75)).Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        using var state = target.CreateState();
        var before = state["mean"].clone();
        var input = Agreement.Sample(target.Inputs[0], 5);
        target.Forward(input, [.. target.Parameters.Select(parameter => pretrained.Find(parameter.Name)!)], state, training: true);
        var expected = before * 0.75 + input.mean([0, 2, 3]) * 0.25;
        Agreement.AssertClose(Small.Values(expected), Small.Values(state["mean"]));
    }

    [Fact]
    public void EachWeightIsFreedBeforeTheNextIsRead()
    {
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", Normalised().Bytes()));
        var read = new List<Tensor>();
        foreach (var (_, values) in target.OwnTensors())
        {
            Assert.All(read, before => Assert.True(before.IsInvalid));
            read.Add(values);
        }

        Assert.Equal(8, read.Count);
    }

    [Fact]
    public void AFineTunedModelStartsAsTheFileAndTrains()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Write("net.onnx", Normalised().Bytes());
        var target = TargetNetwork.FromOnnx(path);
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(24).Build();
        var input = Agreement.Sample(target.Inputs[0], 6);
        using var start = model.Predict(input);
        Agreement.AssertClose(Agreement.Runtime(path, ["x"], [input], "y").Values, Small.Values(start));
        var report = new Trainer(model, new TrainingOptions { Epochs = 30, BatchSize = 6 })
            .Fit(Dataset.FromTensors(input, tensor(new long[] { 0, 1, 2, 0, 1, 2 }), ["a", "b", "c"]));
        Assert.NotNull(report);
        using var end = model.Predict(input);
        Assert.True(Agreement.Error(Small.Values(start), Small.Values(end)) > 0.01);
    }

    [Fact]
    public void AMappingGeneratesTheWeightsOfAFile()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", Normalised().Bytes()));
        using var model = MappingNetwork.For(target).LayerWise(16).WithSeed(3).Build();
        using var loss = model.forward(Agreement.Sample(target.Inputs[0], 4)).pow(2).mean();
        loss.backward();
        Assert.All(model.parameters(), latent => Assert.True(latent.grad is { } gradient && gradient.abs().sum().item<float>() > 0));
        using var module = model.Materialize();
        var input = Agreement.Sample(target.Inputs[0], 2, 5);
        Assert.Equal(Small.Bits(model.Predict(input)), Small.Bits(module.call(input)));
        Assert.Contains("bn.mean", module.state_dict().Keys);
    }

    [NumpyFact]
    public void TheReaderInPythonGivesTheWeightsOfAnAdapter()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(21, 6).Weight("a", 6, 4).Weight("b", 4).Node("MatMul", "x a", "1").Node("Add", "1 b", "2")
            .Positive("gain", 4).Node("Mul", "2 gain", "3").Weight("fc.weight", 4, 3).Weight("fc.bias", 3).Node("Gemm", "3 fc.weight fc.bias", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = MappingNetwork.For(target).SingleLatent(16).WithSeed(3).Build();
        var adapter = folder.File("adapter.safetensors");
        model.SaveAdapter(adapter);

        Python.AssertReads(model, adapter);
    }

    [Fact]
    public void WeightsInExternalFilesAreRead()
    {
        using var folder = new TemporaryFolder();
        var graph = Normalised();
        var input = Agreement.Sample(new InputSpecification([2, 5, 5]), 2);
        var expected = Agreement.Runtime(folder.Write("whole.onnx", graph.Bytes()), ["x"], [input], "y").Values;
        var path = Externalised(graph, folder);
        var target = TargetNetwork.FromOnnx(path);
        using var outputs = Agreement.Ours(target, [input]);
        Agreement.AssertClose(expected, Small.Values(outputs));
    }

    [Theory]
    [InlineData("location", "../weights.bin", "not in the model's folder")]
    [InlineData("location", "/etc/hostname", "not in the model's folder")]
    [InlineData("location", "gone.bin", "is missing")]
    [InlineData("location", "weights\0.bin", "does not name")]
    [InlineData("offset", "100000", "up to byte")]
    [InlineData("offset", "-1", "whole number")]
    [InlineData("length", "7", "its shape takes")]
    public void ExternalFilesThatDoNotHoldTheTensorAreRefused(string key, string value, string reason)
    {
        using var folder = new TemporaryFolder();
        var graph = Normalised();
        Externalised(graph, folder);
        graph.Model.Graph.Initializer[0].ExternalData.First(entry => entry.Key == key).Value = value;
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Contains(reason, Assert.Throws<CheckpointFormatException>(() => TargetNetwork.FromOnnx(path)).Message);
    }

    [Fact]
    public void OpenSizesMustBeGiven()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 2, 5, 5).Weight("w", 3, 2, 3, 3).Node("Conv", "x w", "y").Output("y");
        graph.Model.Graph.Input[0].Type.TensorType.Shape.Dim[2] = new TensorShapeProto.Types.Dimension { DimParam = "height" };
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Contains("'height'", Assert.Throws<ArgumentException>(() => TargetNetwork.FromOnnx(path)).Message);
        Assert.Equal([3L, 6, 3], TargetNetwork.FromOnnx(path, [[2, 8, 5]]).OutputShape);
        Assert.Throws<ArgumentException>(() => TargetNetwork.FromOnnx(path, [[2, 8]]));
        Assert.Throws<ArgumentException>(() => TargetNetwork.FromOnnx(path, [[2, 8, 5], [1]]));
    }

    [Fact]
    public void OneOfSeveralOutputsIsNamed()
    {
        using var folder = new TemporaryFolder();
        // What the other output needs, an operator that is not known too, does not matter.
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Node("Mul", "x w", "y").Node("Sinh", "y", "z").Output("y").Output("z");
        var path = folder.Write("net.onnx", graph.Bytes());
        Assert.Contains("'y', 'z'", Assert.Throws<ArgumentException>(() => TargetNetwork.FromOnnx(path)).Message);
        Assert.Equal("y", TargetNetwork.FromOnnx(path, output: "y").Output);
        Assert.Contains("Sinh", Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path, output: "z")).Message);
    }

    [Fact]
    public void SingleNumbersAndMasksStayConstants()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Weight("w", 4).Floats("mask", [4], [0, 0, float.NegativeInfinity, 0]).Number("two", 2)
            .Floats("deviation", [4], [1, 2, 3, 4]).Node("Div", "x deviation", "a").Node("Mul", "a w", "b").Node("Mul", "b two", "c")
            .Node("Add", "c mask", "d").Node("Softmax", "d", "y").Output("y");
        Assert.Equal(["w"], TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).Parameters.Select(parameter => parameter.Name));
        Agreement.Check(graph);
    }

    [Fact]
    public void AWeightThatIsNoNumberIsRefusedAndNoMask()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Floats("w", [4], [1, float.NaN, 1, 1]).Node("Mul", "x w", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        Assert.Contains("'w'", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.Of(target)).Message);
    }

    /// <summary>Convolution, batch norm, ReLU, global mean and a linear head, with the names that PyTorch gives.</summary>
    internal static OnnxGraphs Normalised() => new OnnxGraphs(17, 2, 5, 5)
        .Weight("conv.weight", 4, 2, 3, 3).Weight("conv.bias", 4).Weight("bn.weight", 4).Weight("bn.bias", 4).Weight("bn.mean", 4).Positive("bn.var", 4)
        .Weight("fc.weight", 3, 4).Weight("fc.bias", 3)
        .Node("Conv", "x conv.weight conv.bias", "a").Node("BatchNormalization", "a bn.weight bn.bias bn.mean bn.var", "b").Node("Relu", "b", "c")
        .Node("GlobalAveragePool", "c", "d").Node("Flatten", "d", "e").Node("Gemm", "e fc.weight fc.bias", "y", ("transB", 1)).Output("y");

    internal static string Externalised(OnnxGraphs graph, TemporaryFolder folder, string? only = null)
    {
        var bytes = new List<byte>();
        foreach (var tensor in graph.Model.Graph.Initializer.Where(tensor => only is null || tensor.Name == only))
        {
            tensor.DataLocation = TensorProto.Types.DataLocation.External;
            foreach (var (key, value) in new[] { ("location", "weights.bin"), ("offset", $"{bytes.Count}"), ("length", $"{tensor.RawData.Length}") })
                tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
            bytes.AddRange(tensor.RawData);
            tensor.RawData = ByteString.Empty;
        }

        folder.Write("weights.bin", [.. bytes]);
        return folder.Write("net.onnx", graph.Bytes());
    }

    [Fact]
    public void HalfAndDoublePrecisionAreRead()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4);
        foreach (var (name, type, bytes) in new[]
        {
            ("half", Kind.Float16, new[] { 0.5f, -1, 2, 0.25f }.SelectMany(value => BitConverter.GetBytes((Half)value)).ToArray()),
            ("double", Kind.Double, new[] { 0.1, 0.2, 0.3, 0.4 }.SelectMany(BitConverter.GetBytes).ToArray()),
        })
        {
            var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
            tensor.Dims.Add(4);
            graph.Model.Graph.Initializer.Add(tensor);
        }

        graph.Node("Mul", "x half", "a").Node("Add", "a double", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var outputs = Agreement.Ours(target, [tensor(new float[] { 1, 1, 1, 1 }).reshape(1, 4)]);
        Assert.Equal([0.6f, -0.8f, 2.3f, 0.65f], Small.Values(outputs));
    }

    [Theory]
    [InlineData("Relu", "Tanh")]
    [InlineData("Relu", "Relu")]
    public void AResumeFileIsOfOneGraphAndNotOfItsWeightsAlone(string first, string second)
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(24);
        void Run(string activation, TrainingOptions options)
        {
            var graph = new OnnxGraphs(13, 4).Weight("a", 4, 6).Node("MatMul", "x a", "1").Node(activation, "1", "2")
                .Weight("b", 6, 3).Node("MatMul", "2 b", "y").Output("y");
            var target = TargetNetwork.FromOnnx(folder.Write($"{activation}.onnx", graph.Bytes()), name: "net");
            using var model = MappingNetwork.For(target).SingleLatent(9).Build();
            new Trainer(model, options).Fit(data, resumeFile: folder.File("run.safetensors"));
        }

        Run(first, new() { Epochs = 2, OnEpoch = _ => TrainingSignal.Stop });

        var fault = Record.Exception(() => Run(second, new() { Epochs = 2 }));

        Assert.Equal(first == second, fault is null);
        Assert.True(fault is null || fault.Message.Contains("the function of the target is ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0.25f, "", true)]
    [InlineData(0.125f, "File old.py, line 3", false)]
    [InlineData(0.25f, "File net.py, line 7", true)]
    public void AResumeFileIsOfTheGraphsConstantsAndNotOfItsNotes(float factor, string note, bool goesOn)
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(24);
        void Run(float factor, string note, TrainingOptions options)
        {
            var graph = new OnnxGraphs(13, 4).Weight("a", 4, 3).Number("factor", factor).Node("MatMul", "x a", "1").Node("Mul", "1 factor", "2")
                .Node("Softmax", "2", "y", ("axis", 1)).Output("y");
            foreach (var node in graph.Model.Graph.Node)
            {
                node.DocString = note;
                foreach (var attribute in node.Attribute)
                    attribute.DocString = note;
            }

            var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()), name: "net");
            using var model = MappingNetwork.For(target).SingleLatent(9).Build();
            new Trainer(model, options).Fit(data, resumeFile: folder.File("run.safetensors"));
        }

        Run(0.25f, "File old.py, line 3", new() { Epochs = 2, OnEpoch = _ => TrainingSignal.Stop });

        var fault = Record.Exception(() => Run(factor, note, new() { Epochs = 2 }));

        Assert.Equal(goesOn, fault is null);
        Assert.True(fault is null || fault.Message.Contains("the function of the target is ", StringComparison.Ordinal));
    }
}
