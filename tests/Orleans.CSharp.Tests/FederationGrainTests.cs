using System.Security.Cryptography;
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
        Assert.Null((await Answered(run, Join(run, "one", "its", deadline: Longest))).Next);
        Assert.Contains("other settings", (await Join(run, "two", "others", deadline: Longest)).Refusal);
        await run.Leave("one");
        Assert.Null((await Answered(run, Join(run, "two", "others", deadline: Longest))).Refusal);
    }

    [Fact]
    public async Task AWorkerThatIsKilledWhileItWaitsDoesNotCountAsPresent()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("killed early");
        Assert.Null((await Join(run, "one", "its")).Next);
        await Accepted(run, "two", "others");
        Assert.Null((await Answered(run, Join(run, "two", "others", deadline: Longest))).Next);
        var roster = (await Join(run, "three", "others", deadline: Longest)).Next!;
        Assert.Equal(new[] { "two", "three" }.Select(FederatedMember.NameOf), roster.Members.Select(member => member.Worker));
    }

    [Fact]
    public async Task NobodySpeaksForAnotherWhoseNameAllKnow()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("names");
        await Task.WhenAll(Begun(run, "one", "its", Longest), Begun(run, "two", "its", Longest));
        var name = FederatedMember.NameOf("two");

        Assert.Contains("does not have the secret", (await run.Join(name, new(name, 1, Key), Terms("its", Longest))).Refusal);
        await run.Leave(name);
        var summed = Task.WhenAll(Summed(run, "one", [1, 0, 0, 0]), Summed(run, "two", [2, 0, 0, 0]));
        Assert.Contains("gone on without", (await run.Submit(name, 0, 0, [9, 0, 0, 0])).Refusal);

        Assert.All(await summed, sum => Assert.Equal([3, 0, 0, 0], sum));
    }

    [Fact]
    public async Task ARunWhoseWorkersAreAllKilledInTheirFirstRoundEnds()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("killed later");
        await Task.WhenAll(Begun(run, "one", "its"), Begun(run, "two", "its"));
        Assert.NotNull((await Join(run, "three", "its")).Refusal);
        await Accepted(run, "three", "others");
    }

    [Fact]
    public async Task AWorkerWhoseRunWasDroppedIsToldThatItWasNotHeard()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("unheard");
        await Task.WhenAll(Begun(run, "one", "its"), Begun(run, "two", "its"));
        using var stop = new CancellationTokenSource(Longest);
        FederatedReply reply;
        // What belongs to another round is not looked at.
        while ((reply = await run.Submit("one", 7, 0, new byte[4])).Refusal is null)
        {
            stop.Token.ThrowIfCancellationRequested();
            await fixture.Pass(Deadline, 1);
        }

        Assert.Contains("not heard for 00:00:04", reply.Refusal);
    }

    [Fact]
    public async Task ARunIsKeptWhileItsWorkerTakesAStepThatIsLongerThanTheSilenceOfTheDead()
    {
        var options = new FederatedOptions { Workers = 1, Rounds = 1, LocalSteps = 1, Deadline = Deadline };
        using var model = Small.Slvt();
        using var data = Small.Classes();
        var rounds = 0;
        await new FederatedTrainer(fixture.Grains, "long step", model, new() { Schedule = LearningRateSchedule.Constant, OnStep = Long }, options)
            .FitAsync(data, new Reported(() => rounds++));
        Assert.Equal(1, rounds);

        TrainingSignal Long(TrainingProgress _)
        {
            fixture.Pass(Deadline, 10).Wait();
            return TrainingSignal.Continue;
        }
    }

    [Fact]
    public async Task AChangeOfAnotherLengthIsRefusedBeforeItEndsAnotherWorker()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("lengths");
        await Task.WhenAll(Begun(run, "one", "its", Longest), Begun(run, "two", "its", Longest));
        foreach (var length in new[] { 0, 3, 8 })
        {
            var fault = await Assert.ThrowsAsync<ArgumentException>(() => run.Submit("one", 0, 0, new byte[length]));
            Assert.Contains($"'{FederatedMember.NameOf("one")}' has {length} bytes; one of this run has 4", fault.Message);
        }

        var sums = await Task.WhenAll(Summed(run, "one", [1, 0, 0, 0]), Summed(run, "two", [2, 0, 0, 0]));
        Assert.All(sums, sum => Assert.Equal([3, 0, 0, 0], sum));
    }

    private sealed class Reported(Action then) : IProgress<int>
    {
        public void Report(int value) => then();
    }

    [Fact]
    public async Task AWorkerWithoutSamplesOrWithAKeyThatTheOthersCannotUseIsRefusedAndBindsNobody()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("keys");
        using var larger = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP384);
        byte[][] keys = [[], [1, 2, 3], Key[..^1], [.. Key, 0], larger.PublicKey.ExportSubjectPublicKeyInfo()];
        foreach (var key in keys)
            Assert.Contains($"the public key of worker '{FederatedMember.NameOf("one")}' is no point of P-256", (await Join(run, "one", "its", key: key)).Refusal);
        foreach (var samples in new[] { 0, -1 })
            Assert.Contains($"worker '{FederatedMember.NameOf("one")}' has {samples} samples", (await Join(run, "one", "its", samples)).Refusal);

        Assert.Null((await Join(run, "two", "others")).Refusal);
    }

    private static readonly byte[] Key = NewKey();

    private static byte[] NewKey()
    {
        using var mask = new ChangeMask();
        return mask.PublicKey;
    }

    private static Task<FederatedReply> Join(
        IFederationGrain run, string worker, string settings, int samples = 1, byte[]? key = null, TimeSpan? deadline = null) =>
        run.Join(worker, new(FederatedMember.NameOf(worker), samples, key ?? Key), Terms(settings, deadline));

    private static FederatedTerms Terms(string settings, TimeSpan? deadline) =>
        new(2, deadline ?? Deadline, sizeof(int), new() { ["seed"] = settings }, []);

    /// <summary>Asks again until all have come, as a worker does: a call that waits for them is answered before.</summary>
    internal static async Task<Roster> Begun(IFederationGrain run, string secret, byte[] key, FederatedTerms terms)
    {
        using var stop = new CancellationTokenSource(Longest);
        for (; ; )
        {
            var reply = await run.Join(secret, new(FederatedMember.NameOf(secret), 1, key), terms);
            Assert.Null(reply.Refusal);
            if (reply.Next is { } roster)
                return roster;
            stop.Token.ThrowIfCancellationRequested();
        }
    }

    private static Task<Roster> Begun(IFederationGrain run, string worker, string settings, TimeSpan? deadline = null) =>
        Begun(run, worker, Key, Terms(settings, deadline));

    // The sum of the first round, likewise.
    private static async Task<byte[]> Summed(IFederationGrain run, string worker, byte[] change)
    {
        using var stop = new CancellationTokenSource(Longest);
        for (; ; )
        {
            var reply = await run.Submit(worker, 0, 0, change);
            Assert.Null(reply.Refusal);
            if (reply.Sum.Length > 0)
                return reply.Sum;
            stop.Token.ThrowIfCancellationRequested();
        }
    }

    // A waiting call is answered when one leaves, so that no test waits half of a long deadline.
    private static async Task<FederatedReply> Answered(IFederationGrain run, Task<FederatedReply> waiting)
    {
        while (!waiting.IsCompleted)
            await run.Leave("nobody");
        return await waiting;
    }

    private async Task Accepted(IFederationGrain run, string worker, string settings)
    {
        using var stop = new CancellationTokenSource(Longest);
        while ((await Answered(run, Join(run, worker, settings, deadline: Longest))).Refusal is not null)
        {
            stop.Token.ThrowIfCancellationRequested();
            await fixture.Pass(Deadline / 2, 1);
        }
    }
}
