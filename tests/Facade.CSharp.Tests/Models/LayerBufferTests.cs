using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The memory that streamed weights take.</summary>
public sealed class LayerBufferTests
{
    [Fact]
    public void It_has_room_for_the_largest_layer_and_no_more()
    {
        var target = TargetNetwork.Input(10).Linear(20).ReLU().Linear(20).ReLU().Linear(3).Build("of-three-layers");
        using var buffer = new LayerBuffer(target, CPU);

        // 20 x 20 weights and 20 biases, each tensor rounded up to whole lines of 16.
        Assert.Equal(400 + 32, buffer.Count);
        Assert.True(buffer.Count < target.ParameterCount);
    }

    [Fact]
    public void It_tells_views_of_a_layers_weights_from_tensors_of_their_own()
    {
        using var scope = NewDisposeScope();
        using var buffer = new LayerBuffer(TargetNetwork.Input(10).Linear(20).ReLU().Linear(3).Build("of-two-layers"), CPU);
        var weight = buffer.Places(2)[0];

        Assert.All(new[] { weight, weight.t(), weight[1], weight.expand(5, 3, 20) }, view => Assert.True(buffer.Holds(view)));
        Assert.All(new[] { weight.clone(), weight.add(weight), zeros(3, 20), zeros(0) }, other => Assert.False(buffer.Holds(other)));
    }
}
