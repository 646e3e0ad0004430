using Xunit;

namespace MappingNets.Tests;

/// <summary>The memory that a host takes for adapters which were asked by name.</summary>
public sealed class KeptAdaptersTests
{
    [Fact]
    public void Weights_of_no_more_adapters_than_wanted_are_kept()
    {
        using var pretrained = FineTuned.Pretrained();
        using var host = new AdapterHost(Small.Classifier(), pretrained) { KeptAdapters = 2 };
        using var data = Small.Classes(12);
        foreach (var (name, seed) in new[] { ("one", 3ul), ("two", 4ul), ("three", 5ul) })
        {
            using var model = FineTuned.Trained(FineTuned.Ways.First(), pretrained, seed);
            host.Add(name, model);
            host.Predict(data.Inputs, name).Dispose();
        }

        Assert.Equal(2, host.Kept);
        host.KeptAdapters = 0;
        Assert.Equal(0, host.Kept);
        host.Predict(data.Inputs, "one").Dispose();
        Assert.Equal(0, host.Kept);
    }
}
