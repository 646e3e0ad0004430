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
}
