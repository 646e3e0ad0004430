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
        await Accepted(run, "two", With("2", deadline));
        Assert.Equal(ReplyKind.Rejoin, (await run.Contribute(new("one", 0, 0, []))).Kind);
    }

    [Fact]
    public async Task AWorkerThatTakesLongToReceiveTheStateItJoinsWithMaySend()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("long way");
        var terms = With("1", TimeSpan.FromSeconds(1));
        foreach (var worker in new[] { "one", "two" })
            Assert.Null((await run.Join(worker, terms)).Refusal);
        // Each call of one that waits for the other takes half a deadline.
        foreach (var _ in Enumerable.Range(0, 3))
            Assert.Equal(ReplyKind.Again, (await run.Contribute(new("one", 0, 0, []))).Kind);
        Assert.Equal(ReplyKind.Compute, (await run.Contribute(new("two", 0, 0, []))).Kind);
    }

    [Fact]
    public async Task AWorkerThatJoinsAgainIsHeldToTheRunsSettings()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("joined again");
        Assert.Null(await run.Rejoin("one", With("1", Longest)));
        Assert.Contains("seed", await run.Rejoin("two", With("2", Longest)));
        Assert.Equal(ReplyKind.Rejoin, (await run.Contribute(new("two", 0, 0, []))).Kind);
    }

    [Fact]
    public async Task AWorkerThatIsLateUntilTheOthersHaveEndedTheRunIsToldOfTheEnd()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("ended before it");
        var terms = With("1", TimeSpan.FromMilliseconds(400));
        foreach (var worker in new[] { "one", "two" })
            Assert.Null((await run.Join(worker, terms)).Refusal);
        var parts = await Task.WhenAll(Answered(run, "one", 0), Answered(run, "two", 0));
        // The second one is dropped, and the first one computes its part and stops.
        Assert.Equal(parts[1].Parts, (await Answered(run, "one", 0, parts[0].Parts)).Parts);
        Assert.Equal(ReplyKind.Records, (await Answered(run, "one", 0, parts[1].Parts)).Kind);
        Assert.True(await run.End("one", 1, null));
        await run.Leave("one");

        Assert.Equal(ReplyKind.Records, (await Answered(run, "two", 0, parts[1].Parts)).Kind);
        Assert.Null((await run.Join("two", terms)).Refusal);
        Assert.Equal(ReplyKind.End, (await Answered(run, "two", 1)).Kind);

        // One that comes when it has left too begins the run anew.
        await run.Leave("two");
        Assert.Null((await run.Join("three", terms)).Refusal);
        Assert.Equal(ReplyKind.Again, (await run.Contribute(new("three", 0, 0, []))).Kind);
    }

    [Fact]
    public async Task ARunWhoseWorkersAreAllKilledWhileTheyComputeIsFreeForOtherSettings()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("killed");
        var deadline = TimeSpan.FromSeconds(1);
        foreach (var worker in new[] { "one", "two" })
            Assert.Null((await run.Join(worker, With("1", deadline))).Refusal);
        var replies = await Task.WhenAll(Answered(run, "one", 0), Answered(run, "two", 0));
        Assert.All(replies, reply => Assert.Equal(ReplyKind.Compute, reply.Kind));

        Assert.Contains("seed", (await run.Join("three", With("2", deadline))).Refusal);
        await Accepted(run, "three", With("2", deadline));
    }

    [Fact]
    public async Task WhatComesLateFromAnEarlierRunOfTheNameChangesNothing()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("earlier");
        Assert.Null((await run.Join("one", With("1", Longest))).Refusal);
        await run.Leave("one");
        foreach (var worker in new[] { "two", "three" })
            Assert.Null((await run.Join(worker, With("2", Longest))).Refusal);

        await run.Keep(2, With("1", Longest), [1]);
        await run.Teach("one", 1, []);
        Assert.False(await run.End("one", 0, null));

        Assert.All(await Task.WhenAll(Answered(run, "two", 0), Answered(run, "three", 0)), reply => Assert.Equal(ReplyKind.Compute, reply.Kind));
        var joined = await run.Join("four", With("2", Longest));
        Assert.Equal((false, 0), (joined.IsToWait, joined.State.Length));
    }

    [Fact]
    public async Task AStateThatComesWhereTheGrainIsActivatedAnewIsOfTheKeptRun()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("kept");
        await run.Keep(1, With("1", Longest), [1]);
        await fixture.Cluster.DeactivateAsync(run);
        await run.Keep(2, With("2", Longest), [2]);
        await run.Keep(2, With("1", Longest), [3]);
        Assert.Equal(new byte[] { 3 }, (await run.Join("one", With("1", Longest))).State);
    }

    [Fact]
    public async Task ARunThatABuildWithOtherBuffersKeptGoesOnWithoutItsWorkers()
    {
        var run = fixture.Grains.GetGrain<IRunGrain>("other buffers");
        var there = With("1", Longest) with { Statistics = 8 };
        await run.Keep(1, there, [1]);
        await fixture.Cluster.DeactivateAsync(run);

        var joined = await run.Join("one", With("1", Longest));

        Assert.Null(joined.Refusal);
        Assert.Equal(new byte[] { 1 }, joined.State);
        Assert.Contains("another build", (await run.Join("two", there)).Refusal);
        Assert.Contains("another build", await run.Rejoin("two", there));
    }

    [Fact]
    public async Task AWorkerHoldsItsRunWhileAStepTakesLongerThanTheSilenceOfTheDead()
    {
        var options = new ClusterTrainingOptions { Deadline = TimeSpan.FromMilliseconds(400) };
        var run = fixture.Grains.GetGrain<IRunGrain>("long step");
        using var model = Small.Slvt();
        using var data = Small.Classes();
        // A run that is over would hold its workers for one deadline alone.
        var report = await new ClusterTrainer(fixture.Grains, "long step", model, new() { OnStep = Long, Epochs = 2 }, options).FitAsync(data);
        Assert.Equal(1, report.Steps);

        TrainingSignal Long(TrainingProgress _)
        {
            fixture.Pass(options.Deadline, 12).Wait();
            Assert.NotNull(run.Join("other", With("1", options.Deadline)).Result.Refusal);
            return TrainingSignal.Stop;
        }
    }

    private static async Task<StepReply> Answered(IRunGrain run, string worker, long step, params int[] parts)
    {
        var sent = parts.Select(index => new Part(index, new byte[sizeof(float)], [true], new(1, 1, 1, 1, 0, 0, new double?[PartFigures.TermCount], []), [])).ToArray();
        for (; ; sent = [])
            if (await run.Contribute(new(worker, step, 0, sent)) is { Kind: not ReplyKind.Again } reply)
                return reply;
    }

    private async Task Accepted(IRunGrain run, string worker, RunTerms terms)
    {
        using var stop = new CancellationTokenSource(Longest);
        while ((await run.Join(worker, terms)).Refusal is not null)
        {
            stop.Token.ThrowIfCancellationRequested();
            await fixture.Pass(terms.Deadline / 2, 1);
        }
    }

    private static RunTerms With(string seed, TimeSpan deadline) => new(
        4, 1, 2, 1, 4, 2, deadline, GradientCombination.Mean, null, new() { ["seed"] = seed }, [], 1, 0);
}
