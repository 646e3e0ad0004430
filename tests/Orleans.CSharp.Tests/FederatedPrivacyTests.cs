using TorchSharp;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What masks and noise keep from the silos and from the other workers.</summary>
[Collection("cluster")]
public sealed class FederatedPrivacyTests(ClusterFixture fixture)
{
    private static readonly TrainingOptions Local = new() { BatchSize = 8, Schedule = LearningRateSchedule.Constant, Seed = 5 };
    private const string ByHand = "by hand";
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly FederatedOptions Noisy = new() { NoiseMultiplier = 1, ClipNorm = 1 };

    [Fact]
    public void HiddenChangesAreSentAsOtherBytesWithTheSumOfThePlainOnes()
    {
        var plain = Sent(new());
        var hidden = Sent(new() { HidesChanges = true });

        Assert.NotEqual(plain.One, hidden.One);
        Assert.NotEqual(plain.Two, hidden.Two);
        Assert.Equal(Federation.Sum([plain.One, plain.Two]), Federation.Sum([hidden.One, hidden.Two]));
        Near([0.75f, -1.5f, 2.25f], WholeNumbers.ToChange(plain.One, new()));
        Near([1, 0, -0.5f], WholeNumbers.ToChange(plain.Two, new()));
    }

    [Fact]
    public void UnderNoiseWorkersWeighTheSameWhateverTheirSamples()
    {
        var options = new FederatedOptions { NoiseMultiplier = 1e-9, ClipNorm = 1000 };
        var sent = Sent(options);

        Near([0.5f, -1, 1.5f], WholeNumbers.ToChange(sent.One, options));
        Near([2, 0, -1], WholeNumbers.ToChange(sent.Two, options));
    }

    [Fact]
    public void ASingleChangeIsNotSentInClearWhereItIsToBeHidden()
    {
        using var mask = new ChangeMask();
        var alone = new Roster(4, 1, [new("1", 96, mask.PublicKey)]);

        var fault = Assert.Throws<InvalidOperationException>(
            () => FederatedTrainer.Sent([1], new() { HidesChanges = true }, "run", alone, "1", mask));

        Assert.Contains("No other worker is left in the federated run 'run'", fault.Message);
        Assert.Contains("HidesChanges", fault.Message);
        Assert.Contains("begin a new run with others", fault.Message);
        Near([1], WholeNumbers.ToChange(FederatedTrainer.Sent([1], new(), "run", alone, "1", mask), new()));
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 1)]
    public async Task TheLastOneLeftEndsWhereItsChangeIsToBeHiddenInItsLastRoundToo(bool failsLate, int rounds)
    {
        var run = $"alone {failsLate}";
        var options = new FederatedOptions { Workers = 2, Rounds = rounds, LocalSteps = 2, HidesChanges = true };
        using var model = Small.Slvt();
        using var data = Small.Classes();
        var fitting = new FederatedTrainer(fixture.Grains, run, model, Local, options).FitAsync(data);
        await Begun(run, options);

        await Leave(run, failsLate, fitting);

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => fitting.WaitAsync(Longest));
        Assert.Contains($"No other worker is left in the federated run '{run}'", fault.Message);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task AHiddenChangeIsSentOnceWheneverAWorkerFails(bool failsLate, int rounds)
    {
        var run = $"once {failsLate}";
        var options = new FederatedOptions { Workers = 3, Rounds = rounds, LocalSteps = 2, HidesChanges = true };
        Model[] models = [Small.Slvt(), Small.Slvt()];
        var start = Small.State(models[0]);
        using var data = Small.Classes();
        var fitting = Task.WhenAll(models.Select(model => new FederatedTrainer(fixture.Grains, run, model, Local, options).FitAsync(data)));
        await Begun(run, options);

        await Leave(run, failsLate, fitting);
        await fitting.WaitAsync(Longest);

        // A call that is answered without a sum is made again with the same bytes.
        var sent = fixture.Changes.Where(change => change.Run == run).GroupBy(change => (change.Secret, change.Round)).ToArray();
        Assert.Equal(2, sent.Count(change => change.Key.Round == rounds - 1));
        Assert.All(sent, change => Assert.Single(change.Select(call => (call.Attempt, Convert.ToHexString(call.Bytes))).Distinct()));
        Assert.Equal(ClusterTrainerTests.Bits(models[0]), ClusterTrainerTests.Bits(models[1]));
        Assert.NotEqual(start, Small.State(models[0]));
        foreach (var model in models)
            model.Dispose();
    }

    [Theory]
    [InlineData(false, 40)]
    [InlineData(true, 1)]
    public async Task UnderNoiseNoWorkerTellsHowManySamplesItHas(bool isNoisy, int told)
    {
        var run = $"samples {isNoisy}";
        var options = new FederatedOptions { NoiseMultiplier = isNoisy ? 0.01 : null, ClipNorm = 1, Workers = 2, Rounds = 1, LocalSteps = 2 };
        using var model = Small.Slvt();
        using var data = Small.Classes(40);
        var fitting = new FederatedTrainer(fixture.Grains, run, model, Local, options).FitAsync(data);

        var roster = await Begun(run, options);

        Assert.Equal(told, roster.Members.Single(member => member.Worker != FederatedMember.NameOf(ByHand)).Samples);
        // The other goes on alone, as its change is not to be hidden.
        await fixture.Grains.GetGrain<IFederationGrain>(run).Leave(ByHand);
        await fitting.WaitAsync(Longest);
    }

    [Fact]
    public void ClippingBoundsAChangeAndTheRangeIsKept()
    {
        var options = new FederatedOptions { ClipNorm = 1, Range = 100 };
        var clipped = WholeNumbers.ToChange(WholeNumbers.From([30, 40], 0.5, options, 2), options);
        Assert.Equal(0.3, clipped[0], 1e-6);
        Assert.Equal(0.4, clipped[1], 1e-6);
        var fault = Assert.Throws<InvalidOperationException>(() => WholeNumbers.From([17], 1, new(), 1));
        Assert.Contains("changed by 17 in a round; Range allows 16", fault.Message);
        Assert.Throws<InvalidOperationException>(() => WholeNumbers.From([float.NaN], 1, new(), 1));
    }

    // A share of the last two has the deviation 4.97, of which the range of 16 is 3.2, and what may be sent 6.4.
    [Fact]
    public void TheNoiseOfTheLastTwoOfManyWorkersIsSent()
    {
        var options = Noisy with { Workers = 100, NoiseMultiplier = 5 };
        var beyond = 0;
        for (var round = 0; round < 20; round++)
        {
            var share = WholeNumbers.ToChange(WholeNumbers.From(new float[2048], 0.5, options, 2), options);
            beyond += share.Count(number => Math.Abs(number) / 0.5 > options.Range);
        }

        Assert.InRange(beyond, 1, 200);
    }

    [Fact]
    public void ANoiseThatCannotBeSentIsNamedAndAChangeIsHeldToTheRangeAlone()
    {
        var options = Noisy with { NoiseMultiplier = 1e6 };
        var fault = Assert.Throws<InvalidOperationException>(() => WholeNumbers.From(new float[1000], 0.5, options, 2));
        Assert.StartsWith("A trained parameter's change of 0 has become ", fault.Message);
        Assert.Contains("by its noise", fault.Message);
        Assert.Contains("Range allows 16, and 1.99 times that with noise. Raise it for all workers; 4e+06 is enough", fault.Message);
        WholeNumbers.From(new float[1000], 0.5, options with { Range = 4e6 }, 2);

        fault = Assert.Throws<InvalidOperationException>(() => WholeNumbers.From([17], 0.5, Noisy with { NoiseMultiplier = 1e-9, ClipNorm = 100 }, 2));
        Assert.StartsWith("A trained parameter changed by 17 in a round; Range allows 16", fault.Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public void TheLargestChangesWithNoiseAddUpWithoutTurningTheirSign(int workers)
    {
        var options = Noisy with { Range = 0.7 };
        foreach (var value in new[] { 1.99 * 0.7, -1.99 * 0.7 })
        {
            var sent = BitConverter.GetBytes(WholeNumbers.Whole(value, 1.0 / workers, options));
            var mean = WholeNumbers.ToChange(Federation.Sum([.. Enumerable.Repeat(sent, workers)]), options);
            Assert.Equal(value, mean[0], 1e-6);
        }
    }

    // What the others of a round add is 0.5 sqrt(3 / 4) in each round that has any.
    [Theory]
    [InlineData(4, 0.25)]
    [InlineData(3, 0.3062)]
    [InlineData(2, 0.4330)]
    [InlineData(1, 0.5)]
    public void EachWorkerFacesAsMuchNoiseOfTheOthersWhereSomeHaveDroppedOut(int present, double expected)
    {
        var options = Noisy with { Workers = 4, NoiseMultiplier = 0.5, Range = 100 };
        var share = WholeNumbers.ToChange(WholeNumbers.From(new float[20_000], 1, options, present), options);
        Assert.Equal(expected, Math.Sqrt(share.Average(number => (double)number * number)), expected * 0.04);
        Assert.Equal(0, share.Average(), expected * 0.04);
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(1, 1, 3)]
    [InlineData(1, 20, 10)]
    [InlineData(3, 2, 5)]
    [InlineData(100, 5, 2)]
    [InlineData(100, 5, 10)]
    [InlineData(1000, 20, 100)]
    [InlineData(10, 0.5, 2)]
    public void TheAccountantBoundsTheExactDeltaOfAReplacedDataSetAgainstAnotherWorker(int rounds, double multiplier, int workers)
    {
        const double clip = 3;
        var options = new FederatedOptions { Workers = workers, Rounds = rounds, NoiseMultiplier = multiplier, ClipNorm = clip };
        var left = multiplier * clip * Math.Sqrt((workers - 1.0) / workers);
        var mu = Math.Sqrt(rounds) * 2 * clip / left;

        foreach (var delta in new[] { 1e-5, 1e-9 })
        {
            var epsilon = options.Epsilon(delta);
            Assert.InRange(Exact(epsilon), 0, delta);
            // The bound has a price, and yet half of it would be a false claim.
            Assert.True(Exact(epsilon / 2) > delta);
        }

        // Of the Gaussian mechanism (Balle and Wang 2018).
        double Exact(double epsilon) => Below((mu / 2) - (epsilon / mu)) - (Math.Exp(epsilon) * Below((-mu / 2) - (epsilon / mu)));
    }

    [Fact]
    public void TheAccountantRefusesOptionsWithoutPrivacy()
    {
        Assert.Throws<ArgumentOutOfRangeException>("delta", () => Noisy.Epsilon(1));
        Assert.Contains("set NoiseMultiplier", Assert.Throws<InvalidOperationException>(() => new FederatedOptions().Epsilon(0.1)).Message);
        Assert.Contains("set Workers to 2", Assert.Throws<InvalidOperationException>(() => (Noisy with { Workers = 1 }).Epsilon(0.1)).Message);
        Assert.Throws<ArgumentException>("ClipNorm", () => (Noisy with { ClipNorm = null }).Epsilon(0.1));
        foreach (var multiplier in new[] { -1, 0, double.NaN, double.PositiveInfinity })
            Refused("NoiseMultiplier", multiplier, Noisy with { NoiseMultiplier = multiplier });
        Refused("ClipNorm", -1.0, Noisy with { ClipNorm = -1 });
        Refused("Rounds", -1, Noisy with { Rounds = -1 });
        Refused("Workers", 0, Noisy with { Workers = 0 });

        static void Refused(string name, object value, FederatedOptions options) =>
            Assert.Equal(value, Assert.Throws<ArgumentOutOfRangeException>(name, () => options.Epsilon(0.1)).ActualValue);
    }

    // What workers with 96 and 32 samples send for [1, -2, 3] and [4, 0, -2].
    private static (byte[] One, byte[] Two) Sent(FederatedOptions options)
    {
        using var one = new ChangeMask();
        using var two = new ChangeMask();
        var roster = new Roster(0, 0, [new("1", 96, one.PublicKey), new("2", 32, two.PublicKey)]);
        return (FederatedTrainer.Sent([1, -2, 3], options, "run", roster, "1", one), FederatedTrainer.Sent([4, 0, -2], options, "run", roster, "2", two));
    }

    // The other worker of a run of two, by hand.
    private async Task<Roster> Begun(string run, FederatedOptions options)
    {
        using var model = Small.Slvt();
        using var mask = new ChangeMask();
        return await FederationGrainTests.Begun(
            fixture.Grains.GetGrain<IFederationGrain>(run), ByHand, mask.PublicKey, FederatedTerms.Of(model, options));
    }

    // Before the others may send, or after all were told to: then the round ends without a sum.
    private async Task Leave(string run, bool isLate, Task others)
    {
        var grain = fixture.Grains.GetGrain<IFederationGrain>(run);
        while (isLate && (await grain.Ready(ByHand, 0, 0)).Next is null)
            Assert.False(others.IsFaulted);
        await grain.Leave(ByHand);
    }

    private static void Near(float[] expected, float[] values)
    {
        Assert.Equal(expected.Length, values.Length);
        foreach (var (wanted, value) in expected.Zip(values))
            Assert.Equal((double)wanted, value, 2e-5);
    }

    // The normal distribution's function.
    private static double Below(double place)
    {
        using var scaled = torch.tensor(-place / Math.Sqrt(2));
        using var tail = torch.special.erfc(scaled);
        return tail.item<double>() / 2;
    }
}
