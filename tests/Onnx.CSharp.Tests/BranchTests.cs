using Xunit;

namespace MappingNets.Tests;

/// <summary>What the branches of an If take from the graph around them is to the network what it is to their nodes.</summary>
public sealed class BranchTests
{
    // One sample goes through the normalisation, three do not.
    private static OnnxGraphs Normalised(string more = "Neg")
    {
        var then = new OnnxGraphs(13).Node("BatchNormalization", "x g b mean var", "p").Output("p");
        var otherwise = more == "Neg" ? new OnnxGraphs(13).Node("Neg", "x", "q").Output("q") : new OnnxGraphs(13).Node(more, "x var", "q").Output("q");
        return new OnnxGraphs(13, 4).Weight("g", 4).Weight("b", 4).Weight("mean", 4).Positive("var", 4).Ints("zero", 0).Ints("one", 1)
            .Node("Shape", "x", "size").Node("Gather", "size zero", "n").Node("Equal", "n one", "single")
            .Node("If", "single", "y", ("then_branch", then.Model.Graph), ("else_branch", otherwise.Model.Graph)).Output("y");
    }

    [Fact]
    public void StatisticsThatOnlyABranchTakesAreBuffers()
    {
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", Normalised().Bytes()));
        Assert.Equal(["g(4)", "b(4)"], target.Parameters.Select(parameter => parameter.ToString()));
        Assert.Equal(["mean(4)", "var(4)"], target.Buffers.Select(buffer => buffer.ToString()));
        Agreement.Check(Normalised());
    }

    [Fact]
    public void StatisticsThatAnotherBranchTakesAsAWeightAreRefused()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("net.onnx", Normalised("Mul").Bytes());
        Assert.Contains("'var' as a running statistic and as something else", Assert.Throws<NotSupportedException>(() => TargetNetwork.FromOnnx(path)).Message);
    }
}
