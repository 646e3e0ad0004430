using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void TheSamplesOfThePageAreThoseThatRunHere()
    {
        var samples = Samples(RepositoryRoot.Read("tests/Onnx.CSharp.Tests/OnnxSample.cs").Split('\n')).ToArray();
        Assert.Equal(2, samples.Length);
        Assert.All(samples, sample => Assert.Contains($"```csharp\n{sample}\n```", RepositoryRoot.Read("docs/onnx.md")));

        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Write("net.onnx", ReadingTests.Normalised().Bytes());
        Assert.Equal([2L, 3], OnnxSample.Run(path, 16, zeros(2, 2, 5, 5)).shape);
        var target = TargetNetwork.FromOnnx(path);
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Groups(16).Build();
        var served = OnnxSample.Serve(folder.File("served.onnx"), model, model, new float[50], [1, 2, 5, 5]);
        Agreement.AssertClose(Small.Values(model.Predict(zeros(1, 2, 5, 5))), served);
    }

    private static IEnumerable<string> Samples(string[] lines)
    {
        for (var start = 0; start < lines.Length; start++)
            if (lines[start].Trim() == "// sample")
            {
                var body = lines.Skip(start + 1).TakeWhile(line => line.Trim() != "// end").ToArray();
                yield return string.Join('\n', body.Select(line => line.Length > 8 ? line[8..] : ""));
            }
    }
}
