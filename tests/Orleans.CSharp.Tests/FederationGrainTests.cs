using Xunit;

namespace MappingNets.Tests;

/// <summary>The name of a federated run is free again once nobody takes part in it, however its workers ended.</summary>
[Collection("cluster")]
public sealed class FederationGrainTests(ClusterFixture fixture)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task AWorkerThatLeavesBeforeTheStartDoesNotBindOthersToItsSettings()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("left early");
        Assert.Null((await Join(run, "one", "its")).Next);
        Assert.Contains("other settings", (await Join(run, "two", "others")).Refusal);
        await run.Leave("one");
        Assert.Null((await Join(run, "two", "others")).Refusal);
    }

    [Fact]
    public async Task AWorkerThatIsKilledWhileItWaitsDoesNotCountAsPresent()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("killed early");
        Assert.Null((await Join(run, "one", "its")).Next);
        await Accepted(run, "two", "others");
        Assert.Null((await Join(run, "two", "others")).Next);
        var roster = (await Join(run, "three", "others")).Next!;
        Assert.Equal(["two", "three"], roster.Members.Select(member => member.Worker));
    }

    [Fact]
    public async Task ARunWhoseWorkersAreAllKilledInTheirFirstRoundEnds()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("killed later");
        var first = Join(run, "one", "its");
        Assert.NotNull((await Join(run, "two", "its")).Next);
        Assert.NotNull((await first).Next);
        Assert.NotNull((await Join(run, "three", "its")).Refusal);
        await Accepted(run, "three", "others");
    }

    private static Task<FederatedReply> Join(IFederationGrain run, string worker, string settings) =>
        run.Join(new(worker, 1, []), new(2, Deadline, new() { ["seed"] = settings }, []));

    private static async Task Accepted(IFederationGrain run, string worker, string settings)
    {
        using var stop = new CancellationTokenSource(Longest);
        while ((await Join(run, worker, settings)).Refusal is not null)
            stop.Token.ThrowIfCancellationRequested();
    }
}
