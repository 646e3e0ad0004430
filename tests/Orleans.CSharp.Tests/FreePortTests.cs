using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Test runs and demonstrations that go on side by side are given different ports.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void APortThatIsGivenIsLockedForOtherProcessesUntilItIsGivenBack()
    {
        var port = RedisServer.FreePort(above: 1);
        Assert.Null(Locked(port));
        Assert.Null(Locked(port + 1));

        RedisServer.GiveBack([port, port + 1]);

        using var first = Locked(port);
        using var second = Locked(port + 1);
        Assert.NotNull(first);
        Assert.NotNull(second);
    }

    [Fact]
    public void APortWhoseFileMayNotBeOpenedIsNotGiven()
    {
        // No file can be opened where there is a folder, nor where there is another user's file.
        const int Seed = 7, Count = 20;
        using var folder = new TemporaryFolder();
        var random = new Random(Seed);
        var drawn = Enumerable.Range(0, Count).Select(_ => random.Next(10_000, 31_000)).ToArray();
        foreach (var port in drawn)
            Directory.CreateDirectory(RedisServer.LockOf(port, folder.Path));

        var given = RedisServer.FreePort(random: new Random(Seed), folder: folder.Path);

        RedisServer.GiveBack([given]);
        Assert.DoesNotContain(given, drawn);
    }

    [Fact]
    public void WhereNoPortIsFreeTheFolderOfTheLocksAndTheLastFaultAreNamed()
    {
        using var folder = new TemporaryFolder();
        var port = RedisServer.FreePort();
        RedisServer.GiveBack([port]);
        using var held = new FileStream(RedisServer.LockOf(port, folder.Path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

        var fault = Assert.Throws<IOException>(() => RedisServer.FreePort(random: new Always(port), folder: folder.Path));

        Assert.Contains($"the locks in '{folder.Path}'", fault.Message);
        Assert.NotNull(fault.InnerException);
        Assert.Contains(fault.InnerException!.Message, fault.Message);
    }

    private sealed class Always(int port) : Random
    {
        public override int Next(int minValue, int maxValue) => port;
    }

    [Fact]
    public void APortWhoseFileIsLockedIsNotGiven()
    {
        // A lock of this process keeps it out as one of another does. So many in a row are not all in use besides.
        const int Seed = 7, Count = 20;
        var random = new Random(Seed);
        var drawn = Enumerable.Range(0, Count).Select(_ => random.Next(10_000, 31_000)).ToArray();
        Directory.CreateDirectory(RedisServer.Folder);
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
