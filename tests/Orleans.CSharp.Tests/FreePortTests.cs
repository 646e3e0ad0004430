using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Test runs and demonstrations that go on side by side are given different ports.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void APortThatIsGivenIsLockedForOtherProcesses()
    {
        var port = RedisServer.FreePort(above: 1);
        Assert.Null(Locked(port));
        Assert.Null(Locked(port + 1));
    }

    [Fact]
    public void APortWhoseFileIsLockedIsNotGiven()
    {
        // A lock of this process keeps it out as one of another does. So many in a row are not all in use besides.
        const int Seed = 7, Count = 20;
        var random = new Random(Seed);
        var drawn = Enumerable.Range(0, Count).Select(_ => random.Next(10_000, 31_000)).ToArray();
        Directory.CreateDirectory(Path.GetDirectoryName(RedisServer.LockOf(drawn[0]))!);
        var locks = drawn.Distinct().Select(Locked).ToArray();
        try
        {
            Assert.DoesNotContain(RedisServer.FreePort(random: new Random(Seed)), drawn);
        }
        finally
        {
            Array.ForEach(locks, held => held?.Dispose());
        }
    }

    /// <summary>The lock on a port's file; null where somebody has it.</summary>
    private static FileStream? Locked(int port)
    {
        try
        {
            return new(RedisServer.LockOf(port), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
