using TorchSharp;
using Xunit;

namespace MappingNets.Tests.Repository;

public sealed class SmokeTests
{
    [Fact]
    public void LibTorchLoadsAndAdds()
    {
        using var scope = torch.NewDisposeScope();
        Assert.Equal(4f, torch.ones(2, 2).sum().item<float>());
    }
}
