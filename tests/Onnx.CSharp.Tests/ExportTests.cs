using Microsoft.ML.OnnxRuntime;
using Onnx;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>ONNX Runtime computes from an exported file what the model predicts.</summary>
public sealed class ExportTests
{
    private static readonly Dictionary<string, Func<TargetNetwork>> Networks = new()
    {
        ["convolutions and pooling"] = () => TargetNetwork.Input(2, 9, 7).Conv2d(4, 3, stride: 2, padding: 1).BatchNorm2d(epsilon: 1e-3).ReLU()
            .MaxPool2d(2, 1).Conv2d(3, 2, bias: false).SiLU().AvgPool2d(2, 1, 1).Flatten().Dropout(0.3).Linear(5).BatchNorm1d().Tanh().Linear(3).Build(),
        ["a concatenation"] = () => TargetNetwork.Input(2, 6, 6).Concatenate(body => body.Conv2d(3, 3, padding: 1)).Flatten().Linear(3).Build(),
        ["a residual block"] = () => TargetNetwork.Input(2, 6, 6)
            .Residual(body => body.Conv2d(5, 1), shortcut => shortcut.Conv2d(5, 1, name: "skip"), relu: true).GlobalAveragePool2d().Build(),
        ["transposed convolutions"] = () => TargetNetwork.Input(2, 6, 6).ConvTranspose2d(3, 3, padding: 1).ConvTranspose2d(2, 2, stride: 2).Build(),
        ["GELU on pictures"] = () => TargetNetwork.Input(2, 6, 6).Conv2d(3, 3).Gelu().GlobalAveragePool2d().Build(),
        ["a transformer"] = () => TargetNetwork.Input(3, 4, 4).Conv2d(8, 2, stride: 2).Tokens().ClassToken().PositionEmbedding()
            .Residual(body => body.LayerNorm().SelfAttention(2)).Residual(body => body.LayerNorm(1e-3).Linear(12).Gelu().Linear(8)).FirstToken().Linear(3).Build(),
        ["a decoder"] = () => Targets.Decoder(vocabulary: 11, length: 5, features: 8, depth: 2, heads: 2),
        ["a recurrent network"] = () => TargetNetwork.Input(5, 3).Lstm(4, layers: 2, wholeSequence: true).Lstm(5).Linear(2).Build(),
        ["gated units"] = () => TargetNetwork.Input(5, 3).Gru(4, layers: 2, wholeSequence: true).Gru(3).Linear(2).Build(),
        ["an embedding and a reshape"] = () => TargetNetwork.Input(4).Embedding(5, 6).Reshape(3, 8).Sequence("part", part => part.Linear(4).ReLU()).Flatten().Linear(2).Build(),
    };

    public static TheoryData<string> Names => [.. Networks.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ANetworkOfTheBuilderRunsAsItPredicts(string name)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(Networks[name](), seed: 3);
        var input = Agreement.Sample(model.Target.Inputs[0], 6);
        // A pass of training moves the running statistics, which the file must have too.
        using (no_grad())
            model.forward(input);
        model.ExportOnnx(folder.File("model.onnx"));
        foreach (var count in new[] { 1, 3 })
            Check(model, folder.File("model.onnx"), Agreement.Sample(model.Target.Inputs[0], count, 7));
        // What was written is read, and computes the same.
        var target = TargetNetwork.FromOnnx(folder.File("model.onnx"));
        Assert.Equal(model.Target.ParameterCount, target.ParameterCount);
        Agreement.AssertClose(Small.Values(model.Predict(input)), Small.Values(Agreement.Ours(target, [input])));
    }

    [Fact]
    public void MappedAndFactoredModelsAreWrittenAsPlainNetworks()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var mapped = MappingNetwork.For(Small.Images()).LayerWise(12).WithSeed(5).Build();
        mapped.ExportOnnx(folder.File("mapped.onnx"));
        Check(mapped, folder.File("mapped.onnx"), Agreement.Sample(mapped.Target.Inputs[0], 3));
        using var factored = DirectModel.For(Small.Classifier().LowRank("fc1", 2), seed: 1);
        factored.ExportOnnx(folder.File("factored.onnx"));
        Check(factored, folder.File("factored.onnx"), Agreement.Sample(factored.Target.Inputs[0], 3));
    }

    [Fact]
    public void AFileThatNothingChangedIsWrittenToTheByte()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", ReadingTests.Normalised().Bytes());
        var target = TargetNetwork.FromOnnx(path);
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(16).Build();
        model.ExportOnnx(folder.File("same.onnx"));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(folder.File("same.onnx")));
    }

    [Fact]
    public void OnlyTheChangedTensorsBytesOfAFileChange()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Write("net.onnx", ReadingTests.Normalised().Bytes());
        var target = TargetNetwork.FromOnnx(path);
        using var model = Adapted(target, 1, "fc");
        model.ExportOnnx(folder.File("new.onnx"));
        var (before, after) = (File.ReadAllBytes(path), File.ReadAllBytes(folder.File("new.onnx")));
        Assert.Equal(before.Length, after.Length);
        var places = target.File.Initializers.Values.Where(tensor => tensor.Name.StartsWith("fc", StringComparison.Ordinal)).Select(tensor => tensor.Place).ToArray();
        var changed = Enumerable.Range(0, before.Length).Where(at => before[at] != after[at]).ToArray();
        Assert.NotEmpty(changed);
        Assert.All(changed, at => Assert.Contains(places, place => at >= place.Start && at < place.Start + place.Length));
        var input = Agreement.Sample(target.Inputs[0], 3);
        Agreement.AssertClose(
            Agreement.Runtime(folder.File("new.onnx"), ["x"], [input], "y").Values, Small.Values(model.Predict(input)));
    }

    [Fact]
    public void AnOldFilesInitialisersAreNoInputsOfTheNewOne()
    {
        using var folder = new TemporaryFolder();
        var graph = ReadingTests.Normalised();
        graph.Model.IrVersion = 3;
        foreach (var tensor in graph.Model.Graph.Initializer)
            graph.Model.Graph.Input.Add(new ValueInfoProto
            {
                Name = tensor.Name,
                Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = tensor.DataType, Shape = Sizes(tensor) } },
            });
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var model = Adapted(target, 1, "fc");
        model.ExportOnnx(folder.File("new.onnx"), overridable: ["fc"]);
        using var session = new InferenceSession(folder.File("new.onnx"));
        Assert.Equal(["x"], session.InputMetadata.Keys);
        Assert.Equal(["fc.bias", "fc.weight"], session.OverridableInitializerMetadata.Keys.Order());

        static TensorShapeProto Sizes(TensorProto tensor)
        {
            var shape = new TensorShapeProto();
            shape.Dim.AddRange(tensor.Dims.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
            return shape;
        }
    }

    // Their codes would stay as they are, and a mapping would generate the steps.
    [Theory]
    [InlineData("input")]
    [InlineData("output")]
    public void AWeightThatIsCalledAsWhatTheFileTakesOrGivesIsRefused(string name)
    {
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(TargetNetwork.Input(3, 4).PositionEmbedding(name).Flatten().Linear(2).Build("net"), seed: 1);
        Assert.Contains($"a weight called '{name}'", Assert.Throws<NotSupportedException>(() => model.ExportOnnx(folder.File("net.onnx"))).Message);
        Assert.False(File.Exists(folder.File("net.onnx")));
    }

    [Fact]
    public void AWeightMayBeCalledAsAValueOfTheGraph()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(3, 4).Linear(4).PositionEmbedding("value_0").Flatten().Linear(2).Build("net"), seed: 1);
        model.ExportOnnx(folder.File("net.onnx"));
        var input = Agreement.Sample(model.Target.Inputs[0], 3);
        Agreement.AssertClose(Small.Values(model.Predict(input)), Agreement.Runtime(folder.File("net.onnx"), ["input"], [input], "output").Values);
    }

    [Fact]
    public void OneSessionServesEveryAdapter()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", ReadingTests.Normalised().Bytes()));
        using var plain = Adapted(target, 0, "bn", "fc");
        using var first = Adapted(target, 1, "bn", "fc");
        using var second = Adapted(target, 2, "bn", "fc");
        plain.ExportOnnx(folder.File("base.onnx"), overridable: ["bn", "fc"]);
        using var session = new InferenceSession(folder.File("base.onnx"));
        var input = Agreement.Sample(target.Inputs[0], 3);
        Agreement.AssertClose(Small.Values(plain.Predict(input)), Agreement.Runtime(session, ["x"], [input], "y").Values);
        foreach (var model in new[] { first, second, first })
        {
            var overrides = model.OnnxOverrides("bn", "fc");
            Assert.Equal(["bn.weight", "bn.bias", "fc.weight", "fc.bias", "bn.mean", "bn.var"], overrides.Select(tensor => tensor.Name));
            var outputs = Agreement.Runtime(
                session,
                ["x", .. overrides.Select(tensor => tensor.Name)],
                [input, .. overrides.Select(given => tensor(given.Values.ToArray(), [.. given.Shape]))],
                "y").Values;
            Agreement.AssertClose(Small.Values(model.Predict(input)), outputs);
            Assert.True(Agreement.Error(Small.Values(plain.Predict(input)), outputs) > 1e-2);
        }
    }

    [Fact]
    public void WeightsOfExternalFilesAreWrittenIntoOneFile()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(ReadingTests.Externalised(ReadingTests.Normalised(), folder));
        using var model = Adapted(target, 1, "fc");
        model.ExportOnnx(folder.File("new.onnx"));
        File.Delete(folder.File("weights.bin"));
        var input = Agreement.Sample(target.Inputs[0], 3);
        Agreement.AssertClose(Small.Values(model.Predict(input)), Agreement.Runtime(folder.File("new.onnx"), ["x"], [input], "y").Values);
    }

    [Fact]
    public void WhatHasNoFormIsRefusedAndTheOldFileStays()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("old.onnx", [1, 2, 3]);
        using (var module = nn.Linear(4, 2))
        using (var target = TargetNetwork.From(module, zeros(1, 4)))
        using (var model = DirectModel.For(target))
            Assert.Throws<NotSupportedException>(() => model.ExportOnnx(path));
        using (var model = DirectModel.For(TargetNetwork.Input(4).Linear(3).Add(new Doubled()).Build()))
            Assert.Contains("Doubled", Assert.Throws<NotSupportedException>(() => model.ExportOnnx(path)).Message);
        using (var model = DirectModel.For(Small.Classifier()))
        {
            Assert.Throws<NotSupportedException>(() => model.ExportOnnx(path, StoredPrecision.Int4));
            Assert.Contains("'gone'", Assert.Throws<ArgumentException>(() => model.ExportOnnx(path, overridable: ["gone"])).Message);
            using (no_grad())
                model.parameters().First().fill_(float.NaN);
            Assert.Throws<InvalidOperationException>(() => model.ExportOnnx(path));
        }

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    /// <summary>A model of a file's weights of which some are others; seed 0 keeps them.</summary>
    internal static FineTunedModel Adapted(OnnxTarget target, int seed, params string[] layers)
    {
        using var pretrained = PretrainedWeights.Of(target);
        var model = FineTuning.Of(target, pretrained).WholeWeights(layers).Build();
        if (seed == 0)
            return model;
        using var noGradient = no_grad();
        foreach (var weight in model.parameters())
            weight.add_(tensor(OnnxGraphs.Values((int)weight.numel(), 100 * seed)).reshape(weight.shape).mul(0.3));
        return model;
    }

    private static void Check(Model model, string path, Tensor input) => Agreement.AssertClose(
        Small.Values(model.Predict(input)), Agreement.Runtime(path, ["input"], [input], "output").Values);

    private sealed class Doubled() : Layer(null)
    {
        public override string Kind => "Doubled";

        public override string NamePrefix => "doubled";

        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.add(input);

        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();
    }
}
