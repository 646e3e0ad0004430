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

    [Fact]
    public void Augmentation_neither_uses_nor_moves_it()
    {
        using var scope = NewDisposeScope();
        var changing = AugmentationTests.Ramp().Augmented(
            AugmentationTests.Everything.Then("noise", (input, random) => input.add((float)random.NextDouble())), seed: 7);
        manual_seed(1);
        var first = AugmentationTests.Batch(changing, 1, 6);
        var drawn = rand(1).item<float>();
        manual_seed(1);
        Assert.Equal(drawn, rand(1).item<float>());
        manual_seed(2);
        Assert.Equal(first, AugmentationTests.Batch(changing, 1, 6));
    }
}
