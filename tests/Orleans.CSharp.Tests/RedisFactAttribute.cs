using MappingNets.Examples.Cluster;
using Xunit;

namespace MappingNets.Tests;

/// <summary>A test with a real Redis, skipped where the Debian package is not installed.</summary>
public sealed class RedisFactAttribute : FactAttribute
{
    public RedisFactAttribute(bool withFashionMnist = false)
    {
        if (!File.Exists(RedisServer.Program))
            Skip = $"{RedisServer.Program} is missing: sudo apt-get install redis-server.";
        else if (withFashionMnist && !Directory.Exists(FashionMnist.DebianFolder))
            Skip = $"FashionMNIST is not in {FashionMnist.DebianFolder}.";
    }
}
