using MappingNets.Examples.Cluster;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The images that examples/Cluster trains on.</summary>
public sealed class ClusterSettingsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string? named = Environment.GetEnvironmentVariable(FashionMnist.FolderVariable);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(FashionMnist.FolderVariable, named);
        folder.Dispose();
    }

    [Theory]
    [InlineData(0, 3, 2)]
    [InlineData(1, 1, 1)]
    [InlineData(3, 3, 2)]
    public void SamplesAreTrainingImagesOfWhichTheTestSetMayHaveFewer(int samples, int training, int testing)
    {
        folder.Write("train-images-idx3-ubyte", IdxBytes.Of([3, 1, 1], [0, 0, 255]));
        folder.Write("train-labels-idx1-ubyte", IdxBytes.Of([3], [9, 8, 7]));
        folder.Write("t10k-images-idx3-ubyte", IdxBytes.Of([2, 1, 1], [0, 255]));
        folder.Write("t10k-labels-idx1-ubyte", IdxBytes.Of([2], [5, 6]));
        Environment.SetEnvironmentVariable(FashionMnist.FolderVariable, folder.Path);

        var (train, test) = Settings.Data(new() { Samples = samples });

        using (train)
        using (test)
            Assert.Equal((training, testing), (train.Count, test.Count));
    }
}
