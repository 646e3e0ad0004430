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

    [Fact]
    public async Task AWorkerWhoseRunWasDroppedIsToldThatItWasNotHeard()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("unheard");
        var first = Join(run, "one", "its");
        Assert.NotNull((await Join(run, "two", "its")).Next);
        Assert.NotNull((await first).Next);
        using var stop = new CancellationTokenSource(Longest);
        FederatedReply reply;
        // What belongs to another round is not looked at.
        while ((reply = await run.Submit("one", 7, 0, new byte[4])).Refusal is null)
            stop.Token.ThrowIfCancellationRequested();
        Assert.Contains("not heard for 00:00:04", reply.Refusal);
    }

    [Fact]
    public async Task ARunIsKeptWhileItsWorkerTakesAStepThatIsLongerThanTheSilenceOfTheDead()
    {
        var options = new FederatedOptions { Workers = 1, Rounds = 1, LocalSteps = 1, Deadline = TimeSpan.FromMilliseconds(400) };
        using var model = Small.Slvt();
        using var data = Small.Classes();
        var rounds = 0;
        await new FederatedTrainer(fixture.Grains, "long step", model, new() { Schedule = LearningRateSchedule.Constant, OnStep = Long }, options)
            .FitAsync(data, new Reported(() => rounds++));
        Assert.Equal(1, rounds);

        TrainingSignal Long(TrainingProgress _)
        {
            fixture.Pass(options.Deadline, 12).Wait();
            return TrainingSignal.Continue;
        }
    }

    [Fact]
    public async Task AChangeOfAnotherLengthIsRefusedBeforeItEndsAnotherWorker()
    {
        var run = fixture.Grains.GetGrain<IFederationGrain>("lengths");
        var first = Join(run, "one", "its");
        Assert.NotNull((await Join(run, "two", "its")).Next);
        Assert.NotNull((await first).Next);
        foreach (var length in new[] { 0, 3, 8 })
        {
            var fault = await Assert.ThrowsAsync<ArgumentException>(() => run.Submit("one", 0, 0, new byte[length]));
            Assert.Contains($"'one' has {length} bytes; one of this run has 4", fault.Message);
        }

        var sum = run.Submit("one", 0, 0, [1, 0, 0, 0]);
        Assert.Equal([3, 0, 0, 0], (await run.Submit("two", 0, 0, [2, 0, 0, 0])).Sum);
        Assert.Equal([3, 0, 0, 0], (await sum).Sum);
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
            Assert.Contains("the public key of worker 'one' is no point of P-256", (await Join(run, "one", "its", key: key)).Refusal);
        foreach (var samples in new[] { 0, -1 })
            Assert.Contains($"worker 'one' has {samples} samples", (await Join(run, "one", "its", samples)).Refusal);

        Assert.Null((await Join(run, "two", "others")).Refusal);
    }

    private static readonly byte[] Key = NewKey();

    private static byte[] NewKey()
    {
        using var mask = new ChangeMask();
        return mask.PublicKey;
    }

    private static Task<FederatedReply> Join(IFederationGrain run, string worker, string settings, int samples = 1, byte[]? key = null) =>
        run.Join(new(worker, samples, key ?? Key), new(2, Deadline, sizeof(int), new() { ["seed"] = settings }, []));

    private static async Task Accepted(IFederationGrain run, string worker, string settings)
    {
        using var stop = new CancellationTokenSource(Longest);
        while ((await Join(run, worker, settings)).Refusal is not null)
            stop.Token.ThrowIfCancellationRequested();
    }
}
