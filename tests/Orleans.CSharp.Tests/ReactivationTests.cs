using Xunit;

namespace MappingNets.Tests;

/// <summary>
/// Orleans moves a grain when its calls have ended, and lets none in meanwhile: such as after the death of the silo that knew where it is.
/// Workers whose calls wait for each other must not hold that up.
/// </summary>
[Collection("cluster")]
public sealed class ReactivationTests(ClusterFixture fixture)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task ARunIsActivatedAnewAlthoughOneCallWaitsForAnotherThatIsNotLetIn()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("moves");
        var terms = new RunTerms(4, 1, 2, 1, 4, 2, Deadline, GradientCombination.Mean, null, [], [], 1, 0);
        await run.Join("one", terms);
        var waiting = run.Contribute(new("one", 0, 0, []));
        await run.Join("two", terms);

        var moved = fixture.Cluster.DeactivateAsync(run);
        var later = run.Contribute(new("two", 0, 0, []));

        Assert.Equal(ReplyKind.Again, (await waiting).Kind);
        await moved;
        Assert.Equal(ReplyKind.Rejoin, (await later).Kind);
    }

    [Fact]
    public async Task AWorkerThatLeavesWhileItsCallWaitsDoesNotKeepTheRunWhereItIs()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("left");
        await run.Join("one", new(4, 1, 2, 1, 4, 2, Deadline, GradientCombination.Mean, null, [], [], 1, 0));
        // Whichever comes second ends the first, and surely waits by then.
        Task<StepReply>[] calls = [run.Contribute(new("one", 0, 0, [])), run.Contribute(new("one", 0, 0, []))];
        await Task.WhenAny(calls);
        await run.Leave("one");

        var moved = fixture.Cluster.DeactivateAsync(run);

        Assert.All(await Task.WhenAll(calls).WaitAsync(Longest), reply => Assert.Equal(ReplyKind.Again, reply.Kind));
        await moved.WaitAsync(Longest);
    }

    [Fact]
    public async Task AFederatedRunTellsItsWorkersThatItIsLostAlthoughOneCallWaitsForAnother()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("moves");
        var terms = new FederatedTerms(2, Deadline, sizeof(int), [], []);
        using var mask = new ChangeMask();
        await Task.WhenAll(new[] { "one", "two" }.Select(worker => FederationGrainTests.Begun(run, new(worker, 1, mask.PublicKey), terms)));
        var waiting = run.Submit("one", 0, 0, new byte[4]);
        // Is answered at once, after the call before it, which goes on waiting.
        await run.Hear("two");

        var moved = fixture.Cluster.DeactivateAsync(run);
        var later = run.Submit("two", 0, 0, new byte[4]);

        Assert.Null((await waiting).Refusal);
        await moved;
        Assert.Contains("has ended", (await later).Refusal);
    }
}
