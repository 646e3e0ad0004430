using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Tests on torch's own generator, which is one per process: they run while nothing else does.</summary>
[CollectionDefinition(nameof(RandomStreamTests), DisableParallelization = true)]
[Collection(nameof(RandomStreamTests))]
public sealed class RandomStreamTests
{
    [Fact]
    public void Making_a_module_leaves_the_callers_random_stream_alone()
    {
        using var scope = NewDisposeScope();
        var target = MappingNets.Targets.Cnn2();
        Tensor[] weights = [.. target.Parameters.Select(p => zeros([.. p.Shape]))];
        manual_seed(1);
        var expected = rand(4);

        manual_seed(1);
        target.ToModule(weights).Dispose();

        Assert.True(expected.equal(rand(4)).all().item<bool>());
    }
}
