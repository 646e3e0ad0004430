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
    public Task ARunIsActivatedAnewAlthoughOneCallWaitsForAnotherThatIsNotLetIn() => Shown(async name =>
    {
        var run = fixture.Grains.GetGrain<IRunGrain>(name);
        var terms = new RunTerms(4, 1, 2, 1, 4, 2, Deadline, GradientCombination.Mean, null, [], [], 1, 0);
        await run.Join("one", terms);
        var waiting = run.Contribute(new("one", 0, 0, []));
        await run.Join("two", terms);

        var moved = fixture.Cluster.DeactivateAsync(run);
        var later = run.Contribute(new("two", 0, 0, []));

        var (first, second) = ((await waiting).Kind, (await later).Kind);
        await moved;
        if (first == ReplyKind.Rejoin || second == ReplyKind.Compute)
            return false;
        Assert.Equal((ReplyKind.Again, ReplyKind.Rejoin), (first, second));
        return true;
    });

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
    public Task AFederatedRunTellsItsWorkersThatItIsLostAlthoughOneCallWaitsForAnother() => Shown(async name =>
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>(name);
        var terms = new FederatedTerms(2, Deadline, sizeof(int), [], []);
        using var mask = new ChangeMask();
        await Task.WhenAll(new[] { "one", "two" }.Select(worker => FederationGrainTests.Begun(run, worker, mask.PublicKey, terms)));
        var waiting = run.Submit("one", 0, 0, new byte[4]);
        // Is answered at once, and mostly after the call before it, which goes on waiting.
        await run.Hear("two");

        var moved = fixture.Cluster.DeactivateAsync(run);
        var later = run.Submit("two", 0, 0, new byte[4]);

        var (first, second) = (await waiting, await later);
        await moved;
        if (first.Refusal is not null || second.Sum.Length > 0)
            return false;
        Assert.Contains("has ended", second.Refusal);
        return true;
    });

    /// <summary>
    /// Tries until a call waited in the grain when this was told to move, and the later one came after that. Calls may overtake each other and the move on
    /// their way: a try in which they did shows nothing.
    /// </summary>
    /// <param name="attempt">From the name of a grain of its own to whether it showed something.</param>
    private static async Task Shown(Func<string, Task<bool>> attempt)
    {
        using var stop = new CancellationTokenSource(Longest);
        var tries = 0;
        while (!await attempt($"moves {++tries}").WaitAsync(stop.Token))
            stop.Token.ThrowIfCancellationRequested();
    }
}
