using System.Text.Json;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Networks as PyTorch's own exporter writes them (tests/golden/pytorch.py): its names, its arithmetic on shapes, decomposed layers, shared
/// initialisers, branches. Held to what PyTorch computed and to ONNX Runtime.
/// </summary>
public sealed class PyTorchExporterTests
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "tests", "golden", "pytorch");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.onnx").Select(file => Path.GetFileNameWithoutExtension(file)!).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void ItsNetworksAgree(string name)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Folder, $"{name}.onnx");
        var target = TargetNetwork.FromOnnx(path);
        var recorded = JsonSerializer.Deserialize<Recorded>(File.ReadAllText(Path.Combine(Folder, $"{name}.json")), JsonSerializerOptions.Web)!;
        var input = target.Inputs[0].Type == ScalarType.Int64
            ? tensor([.. recorded.Input.Select(value => (long)value)], recorded.Shape)
            : tensor([.. recorded.Input.Select(value => (float)value)], recorded.Shape);
        Agreement.AssertClose([.. recorded.Output.Select(value => (float)value)], Small.Values(Agreement.Ours(target, [input])));
        foreach (var count in new[] { 1, 3 })
        {
            var sample = Agreement.Sample(target.Inputs[0], count, 5);
            var (values, shape) = Agreement.Runtime(path, target.InputNames, [sample], target.Output);
            var ours = Agreement.Ours(target, [sample]);
            Assert.Equal(shape, ours.shape);
            Agreement.AssertClose(values, Small.Values(ours));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ItsNetworksTrainAndAreWrittenAgain(string name)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var target = TargetNetwork.FromOnnx(Path.Combine(Folder, $"{name}.onnx"));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).WholeWeights().Build();
        var input = Agreement.Sample(target.Inputs[0], 3);
        model.forward(input).pow(2).sum().backward();
        using (no_grad())
            foreach (var weight in model.parameters())
                weight.add_(weight.grad!.sign(), alpha: 0.01);
        model.ExportOnnx(folder.File("new.onnx"));
        Agreement.AssertClose(
            Small.Values(model.Predict(input)),
            Agreement.Runtime(folder.File("new.onnx"), target.InputNames, [input], target.Output).Values);
    }

    // In a new network all scales and variances are one initialiser of the file, and so are all shifts and means.
    [Fact]
    public void TensorsThatAreEqualByChanceAreTrainedApart()
    {
        var target = TargetNetwork.FromOnnx(Path.Combine(Folder, "block-fresh.onnx"));
        string[] norms = ["bn1", "bn2", "downsample.1"];
        Assert.Superset(
            norms.SelectMany(norm => new[] { $"{norm}.weight", $"{norm}.bias" }).ToHashSet(), target.Parameters.Select(parameter => parameter.Name).ToHashSet());
        Assert.Equal(
            norms.SelectMany(norm => new[] { $"{norm}.running_mean", $"{norm}.running_var" }).Order(), target.Buffers.Select(buffer => buffer.Name).Order());
    }

    // A tied weight stays one.
    [Fact]
    public void ASharedWeightStaysShared()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraphs(13, 4).Weight("w", 4, 4).Node("Identity", "w", "tied").Node("Gemm", "x w", "a", ("transB", 1))
            .Node("Relu", "a", "b").Node("Gemm", "b tied", "y").Output("y");
        Assert.Equal(["w"], TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes())).Parameters.Select(parameter => parameter.Name));
        Agreement.Check(graph);
    }

    private sealed record Recorded(double[] Input, long[] Shape, double[] Output);
}
