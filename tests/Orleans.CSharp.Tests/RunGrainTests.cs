using Xunit;

namespace MappingNets.Tests;

/// <summary>Who may begin a run of a name: workers that were let in hold its settings before they have sent anything.</summary>
[Collection("cluster")]
public sealed class RunGrainTests(ClusterFixture fixture)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task ARunThatAWorkerHasJoinedIsNotTakenOverWithOtherSettings()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("joined");
        Assert.Null((await run.Join("one", With("1", Longest))).Refusal);
        Assert.Contains("seed", (await run.Join("two", With("2", Longest))).Refusal);
        Assert.Null((await run.Join("three", With("1", Longest))).Refusal);

        await run.Leave("one");
        await run.Leave("three");
        Assert.Null((await run.Join("two", With("2", Longest))).Refusal);
        // It has left, and may not give what it computed with other settings.
        Assert.Equal(ReplyKind.Rejoin, (await run.Contribute(new("one", 0, 0, []))).Kind);
        Assert.Contains("seed", (await run.Join("one", With("1", Longest))).Refusal);
    }

    [Fact]
    public async Task AWorkerThatIsNotHeardAfterItHasJoinedHoldsItsSettingsForTheDeadline()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("silent");
        var deadline = TimeSpan.FromMilliseconds(400);
        Assert.Null((await run.Join("one", With("1", deadline))).Refusal);
        using var stop = new CancellationTokenSource(Longest);
        while ((await run.Join("two", With("2", deadline))).Refusal is not null)
            stop.Token.ThrowIfCancellationRequested();
        Assert.Equal(ReplyKind.Rejoin, (await run.Contribute(new("one", 0, 0, []))).Kind);
    }

    private static RunTerms With(string seed, TimeSpan deadline) => new(
        4, 1, 2, 1, 4, 2, deadline, GradientCombination.Mean, null, new() { ["seed"] = seed }, [], 1, 0);
}
