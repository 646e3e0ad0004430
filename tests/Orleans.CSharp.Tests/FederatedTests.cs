using System.Runtime.InteropServices;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Workers whose data stay with them average what they have learnt.</summary>
[Collection("cluster")]
public sealed class FederatedTests(ClusterFixture fixture)
{
    private static readonly TrainingOptions Local = new() { BatchSize = 8, Schedule = LearningRateSchedule.Constant, Seed = 5 };
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ARoundIsTheMeanOfLocalTrainingsWeightedBySamples(bool hides)
    {
        var options = new FederatedOptions { Workers = 2, Rounds = 1, LocalSteps = 3, HidesChanges = hides };
        var models = await Train($"mean {hides}", options, 96, 32);

        var expected = new double[24];
        foreach (var (count, weight) in new[] { (96, 0.75), (32, 0.25) })
        {
            using var alone = Small.Slvt();
            using var data = Small.Classes(count, (ulong)count);
            var steps = 0;
            new Trainer(alone, Local with { OnStep = _ => ++steps == 3 ? TrainingSignal.Stop : TrainingSignal.Continue }).Fit(data);
            foreach (var (number, place) in Small.State(alone).Select((number, place) => (number, place)))
                expected[place] += weight * number;
        }

        Assert.Equal(Small.State(models[0]), Small.State(models[1]));
        foreach (var (number, place) in Small.State(models[0]).Select((number, place) => (number, place)))
            Assert.Equal(expected[place], number, 1e-6);
        Free(models);
    }

    [Fact]
    public async Task MasksChangeNoBitOfTheResult()
    {
        var options = new FederatedOptions { Workers = 3, Rounds = 3, LocalSteps = 4 };
        var open = await Train("open", options, 40, 50, 60);
        var hidden = await Train("hidden", options with { HidesChanges = true }, 40, 50, 60);
        Assert.All(hidden, model => Assert.Equal(ClusterTrainerTests.Bits(open[0]), ClusterTrainerTests.Bits(model)));
        using var data = Small.Classes();
        using var untrained = Small.Slvt();
        Assert.True(Evaluation.Of(open[0], data).Loss < Evaluation.Of(untrained, data).Loss);
        Free([.. open, .. hidden]);
    }

    [Fact]
    public void AMaskedChangeIsAnotherInEachRoundAndCancelsInTheSum()
    {
        using var one = new ChangeMask();
        using var two = new ChangeMask();
        using var three = new ChangeMask();
        var members = new FederatedMember[] { new("1", 1, one.PublicKey), new("2", 1, two.PublicKey), new("3", 1, three.PublicKey) };
        byte[] Masked(ChangeMask mask, string worker, int value, int round, int attempt)
        {
            var change = MemoryMarshal.AsBytes<int>([value, -value, int.MaxValue]).ToArray();
            mask.Apply(change, "run", new(round, attempt, members), worker);
            return change;
        }

        var masked = Masked(one, "1", 5, 0, 0);
        Assert.Equal(masked, Masked(one, "1", 5, 0, 0));
        Assert.NotEqual(masked, Masked(one, "1", 5, 1, 0));
        Assert.NotEqual(masked, Masked(one, "1", 5, 0, 1));
        Assert.DoesNotContain(MemoryMarshal.Cast<byte, int>(masked).ToArray(), number => number is 5 or -5 or int.MaxValue);
        var sum = MemoryMarshal.Cast<byte, int>(Federation.Sum([masked, Masked(two, "2", 7, 0, 0), Masked(three, "3", 11, 0, 0)])).ToArray();
        Assert.Equal([23, -23, unchecked(3 * int.MaxValue)], sum);
    }

    [Fact]
    public void ARoundIsRepeatedWithoutAWorkerThatIsSilentOrLeaves()
    {
        var federation = new Federation(3, TimeSpan.FromSeconds(5), sizeof(int));
        foreach (var worker in new[] { "a", "b", "c" })
            Assert.Null(federation.Join(new(worker, 1, []), Start));
        Assert.Equal("it has begun, and takes no more workers", federation.Join(new("d", 1, []), Start));
        Send("a", 0, 0, 1);
        Send("b", 0, 0, 2);
        federation.Expire(Start + TimeSpan.FromSeconds(4.9));
        Assert.Equal((0, 0), (federation.Now!.Round, federation.Now.Attempt));
        federation.Expire(Start + TimeSpan.FromSeconds(5));
        Assert.Equal(["a", "b"], federation.Now.Members.Select(member => member.Worker));

        // What was sent for the roster with c does not count: its masks would not cancel.
        Send("a", 0, 0, 1);
        Send("c", 0, 1, 4);
        Send("b", 0, 1, 2);
        Assert.Null(federation.Last);
        Send("a", 0, 1, 1);
        Assert.Equal(3, MemoryMarshal.Cast<byte, int>(federation.Last!.Value.Sum)[0]);
        Assert.Equal((1, 1), (federation.Now.Round, federation.Now.Attempt));
        federation.Leave("b");
        Send("a", 1, 2, 9);
        Assert.Equal((1, 9), (federation.Last.Value.Round, MemoryMarshal.Cast<byte, int>(federation.Last.Value.Sum)[0]));

        void Send(string worker, int round, int attempt, int value) =>
            federation.Take(worker, round, attempt, MemoryMarshal.AsBytes<int>([value]).ToArray(), Start);
    }

    [Fact]
    public void HiddenChangesAreTakenOnceAllAreReadyAndARoundThatLosesOneAfterwardsEndsWithoutASum()
    {
        var federation = new Federation(3, TimeSpan.FromSeconds(5), sizeof(int), hides: true);
        foreach (var worker in new[] { "a", "b", "c" })
            Assert.Null(federation.Join(new(worker, 1, []), Start));
        Ready(0, 0, "a", "b");
        Send("a", 0, 0);
        Assert.False(federation.IsSending);

        // c is late with its steps: a and b are to be ready anew, for a roster without it.
        federation.Expire(Start + TimeSpan.FromSeconds(5));
        Assert.Equal((0, 1, 2), (federation.Now!.Round, federation.Now.Attempt, federation.Now.Members.Length));
        Ready(0, 0, "a", "b");
        Assert.False(federation.IsSending);
        Ready(0, 1, "a", "b");
        Assert.True(federation.IsSending);

        // b is told to send, and does not, though there is time to hear that it is told again: what a has sent is for no other roster.
        Send("a", 0, 1);
        federation.Expire(Start + TimeSpan.FromSeconds(14.9));
        Assert.Equal((0, 1), (federation.Now.Round, federation.Now.Attempt));
        federation.Expire(Start + TimeSpan.FromSeconds(15));
        Assert.Equal((1, 2), (federation.Now.Round, federation.Now.Attempt));
        Assert.Null(federation.Last);
        Assert.False(federation.IsSending);

        void Ready(int round, int attempt, params string[] workers)
        {
            foreach (var worker in workers)
                federation.Ready(worker, round, attempt, Start);
        }

        void Send(string worker, int round, int attempt) => federation.Take(worker, round, attempt, new byte[sizeof(int)], Start);
    }

    // Orleans ends a grain that nothing reaches for its collection age, which may be as short as a minute.
    [Theory]
    [InlineData(0.25, 1)]
    [InlineData(30, 86_400)]
    public void ARunIsLookedAtOftenerThanOrleansEndsWhatNothingReaches(double every, double deadline) =>
        Assert.Equal(TimeSpan.FromSeconds(every), Silence.Look(TimeSpan.FromSeconds(deadline)));

    [Fact]
    public void ARunIsKeptWhileAnyWorkerIsHeardBetweenItsSteps()
    {
        var federation = new Federation(2, TimeSpan.FromSeconds(5), sizeof(int));
        Assert.Null(federation.Join(new("a", 1, []), Start));
        Assert.Null(federation.Join(new("b", 1, []), Start));
        federation.Hear("b", Start + TimeSpan.FromSeconds(15));
        federation.Expire(Start + TimeSpan.FromSeconds(34.9));
        Assert.Equal(2, federation.Now!.Members.Length);
        Assert.False(federation.IsEmpty);
        federation.Expire(Start + TimeSpan.FromSeconds(35));
        Assert.True(federation.IsEmpty);
    }

    [Fact]
    public async Task AModelWithOtherFixedWeightsOrAnotherStartIsRefused()
    {
        using var first = Small.Slvt();
        using var seeded = Small.Slvt(seed: 8);
        using var moved = Small.Slvt();
        using (TorchSharp.torch.no_grad())
            moved.Trainables[0].add_(1);
        foreach (var (name, other) in new[] { ("seeds", seeded), ("starts", moved) })
        {
            using var stop = new CancellationTokenSource();
            using var data = Small.Classes();
            using var own = Small.Classes();
            var options = new FederatedOptions { Workers = 2, Rounds = 1, LocalSteps = 1 };
            Task[] both = [Fit(first, data), Fit(other, own)];
            var refused = await Assert.ThrowsAsync<ArgumentException>(() => Task.WhenAny(both).Unwrap());
            Assert.Contains("other settings", refused.Message);
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(() => Task.WhenAll(both));

            Task Fit(Model model, Dataset training) =>
                new FederatedTrainer(fixture.Grains, name, model, Local, options).FitAsync(training, cancellation: stop.Token);
        }
    }

    [Fact]
    public void OptionsThatDoNotGoTogetherAreRefused()
    {
        using var model = Small.Slvt();
        Assert.Throws<ArgumentException>("ClipNorm", () => With(new() { NoiseMultiplier = 1 }, Local));
        Assert.Throws<ArgumentOutOfRangeException>("Range", () => With(new() { Range = 0 }, Local));
        Assert.Throws<ArgumentOutOfRangeException>("LocalSteps", () => With(new() { LocalSteps = 0 }, Local));
        Assert.Throws<ArgumentOutOfRangeException>("Deadline", () => With(new() { Deadline = TimeSpan.FromDays(2) }, Local));
        Assert.Throws<ArgumentOutOfRangeException>("Patience", () => With(new() { Patience = TimeSpan.FromDays(2) }, Local));
        Assert.Throws<ArgumentOutOfRangeException>("Workers", () => With(new() { Workers = 1, HidesChanges = true }, Local));
        foreach (var schedule in new[]
        {
            LearningRateSchedule.Cosine, LearningRateSchedule.Plateau(), LearningRateSchedule.WarmUp(5, LearningRateSchedule.Constant),
            LearningRateSchedule.Of("a tenth after each epoch", optimizer => TorchSharp.torch.optim.lr_scheduler.StepLR(optimizer, 1), perEpoch: true),
        })
            Assert.Contains(
                $"'{schedule.Name}' would begin anew with each round",
                Assert.Throws<ArgumentException>("local", () => With(new(), Local with { Schedule = schedule })).Message);
        Assert.Contains(
            "ValidationFraction does not go", Assert.Throws<ArgumentException>("local", () => With(new(), Local with { ValidationFraction = 0.1 })).Message);
        Assert.Throws<ArgumentException>("local", () => With(new(), Local with { AverageLastEpochs = 3 }));

        void With(FederatedOptions options, TrainingOptions local) => _ = new FederatedTrainer(fixture.Grains, "x", model, local, options);
    }

    [Theory]
    [InlineData(false, 5)]
    [InlineData(true, 2)]
    public async Task ACallbackThatStopsTakesItsWorkerOutOfTheRunAndTheOthersGoOn(bool atEpoch, int calls)
    {
        var options = new FederatedOptions { Workers = 3, Rounds = 4, LocalSteps = 3 };
        Model[] models = [Small.Slvt(), Small.Slvt(), Small.Slvt()];
        Rounds[] rounds = [new(), new(), new()];
        var called = 0;
        // In the midst of its second round, or when the steps of that are taken.
        TrainingSignal Stopping(TrainingProgress _) => ++called == calls ? TrainingSignal.Stop : TrainingSignal.Continue;
        var stopping = atEpoch ? Local with { OnEpoch = Stopping } : Local with { OnStep = Stopping };

        await Task.WhenAll(models.Zip(rounds).Select(async (worker, place) =>
        {
            using var data = Small.Classes(40, (ulong)place);
            await new FederatedTrainer(fixture.Grains, $"stopped {atEpoch}", worker.First, place == 0 ? stopping : Local, options)
                .FitAsync(data, worker.Second);
        }));

        Assert.Equal(calls, called);
        Assert.Equal([1], rounds[0].Heard.ToArray());
        Assert.Equal([1, 2, 3, 4], rounds[1].Heard.ToArray());
        Assert.Equal([1, 2, 3, 4], rounds[2].Heard.ToArray());
        Assert.Equal(ClusterTrainerTests.Bits(models[1]), ClusterTrainerTests.Bits(models[2]));
        Free(models);
    }

    private sealed class Rounds : IProgress<int>
    {
        public List<int> Heard { get; } = [];

        public void Report(int value) => Heard.Add(value);
    }

    private async Task<Model[]> Train(string run, FederatedOptions options, params int[] counts) => await Task.WhenAll(counts.Select(async count =>
    {
        var model = Small.Slvt();
        using var data = Small.Classes(count, (ulong)count);
        await new FederatedTrainer(fixture.Grains, run, model, Local, options).FitAsync(data);
        return (Model)model;
    }));

    private static void Free(IEnumerable<Model> models)
    {
        foreach (var model in models)
            model.Dispose();
    }
}
