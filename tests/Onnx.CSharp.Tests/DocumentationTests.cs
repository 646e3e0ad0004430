using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void TheSampleOfThePageIsTheOneThatRunsHere()
    {
        var lines = RepositoryRoot.Read("tests/Onnx.CSharp.Tests/OnnxSample.cs").Split('\n');
        var body = lines.SkipWhile(line => line.Trim() != "// sample").Skip(1).TakeWhile(line => line.Trim() != "// end").Select(line => line.Trim()).ToArray();
        Assert.NotEmpty(body);
        Assert.Contains($"```csharp\n{string.Join('\n', body)}\n```", RepositoryRoot.Read("docs/onnx.md"));

        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", ReadingTests.Normalised().Bytes());
        using var outputs = OnnxSample.Run(path, 16, zeros(2, 2, 5, 5));
        Assert.Equal([2L, 3], outputs.shape);
    }
}
