using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>A test with a real Redis, skipped where the Debian package is not installed.</summary>
public sealed class RedisFactAttribute : FactAttribute
{
    public RedisFactAttribute()
    {
        if (!File.Exists(RedisServer.Program))
            Skip = $"{RedisServer.Program} is missing: sudo apt-get install redis-server.";
    }
}
