using Xunit;

namespace MappingNets.Tests;

/// <summary>What workers must agree on to share a run, and to go on with one that is kept.</summary>
public sealed class RunTermsTests
{
    private static RunTerms With(float probe, params (string Name, string Value)[] settings) => new(
        4, 1, 2, 1, 4, 2, TimeSpan.FromSeconds(1), GradientCombination.Mean, null, settings.ToDictionary(pair => pair.Name, pair => pair.Value), [1, probe], 1, 0);

    [Fact]
    public void ARunThatAnEarlierBuildKeptGoesOn()
    {
        var kept = With(2, ("seed", "1"), ("mapping", "none"));
        var here = With(2, ("seed", "1"), ("mapping", "scales"), ("function of the target", "Tanh"), ("pruning mask", "none"), ("teachers' functions and buffers", "none"));

        Assert.Null(here.RefusalToGoOnFrom(kept, step: 1));
        Assert.Contains("seed", (here with { Settings = new(here.Settings) { ["seed"] = "2" } }).RefusalToGoOnFrom(kept, step: 1));
        Assert.Contains("function", (here with { Settings = new(here.Settings) { ["function of the target"] = "ReLU" } }).RefusalToGoOnFrom(here, step: 1));
    }

    [Fact]
    public void ABuildThatSendsOtherBuffersIsRefusedAndWhatItKeptGoesOn()
    {
        var here = With(2, ("seed", "1"));
        var there = here with { Statistics = 16 };

        Assert.Equal(
            "the buffers that training moves take 16 bytes there and 0 here, as with another build of the library", here.DifferenceFrom(there));
        Assert.Contains("take 0 bytes there and 16 here", there.DifferenceFrom(here));
        Assert.Null(here.RefusalToGoOnFrom(KeptRun.Of(there, 1, [1]).ReadTerms()!, step: 1));
    }

    [Fact]
    public void UnderNoiseABuildThatSharesItOtherwiseIsRefused()
    {
        using var model = Small.Slvt();
        var here = FederatedTerms.Of(model, new() { NoiseMultiplier = 1, ClipNorm = 1 });
        var there = here with { Settings = new(here.Settings.Where(setting => setting.Key != "sharing of the noise")) };

        Assert.Contains("sharing of the noise is not named there", here.DifferenceFrom(there));
        Assert.Contains("not named here", there.DifferenceFrom(here));
        Assert.DoesNotContain("sharing of the noise", FederatedTerms.Of(model, new()).Settings.Keys);
    }

    [Fact]
    public void DescriptionsThatDifferLateAreShownFromThereOn()
    {
        var same = new string('a', 300);
        var difference = With(2, ("mapping", same + "tanh")).DifferenceFrom(With(2, ("mapping", same + "sine")));
        Assert.Contains("sine there", difference);
        Assert.Contains("tanh here", difference);
    }

    [Fact]
    public void AFederatedModelThatComputesOtherwiseFromTheSameStartIsRefused()
    {
        using var first = Small.Slvt();
        using var same = Small.Slvt();
        using var other = MappingNetwork.For(TargetNetwork.Input(4).Linear(14).ReLU().Linear(3).Build("small-classifier")).SingleLatent(24).WithSeed(7).Build();
        using var pruned = Small.Slvt();
        Pruning.ToShare(pruned, 0.5);
        var there = FederatedTerms.Of(first, new());

        Assert.Null(FederatedTerms.Of(same, new()).DifferenceFrom(there));
        Assert.Contains("function of the target", FederatedTerms.Of(other, new()).DifferenceFrom(there));
        Assert.Contains("pruning mask", FederatedTerms.Of(pruned, new()).DifferenceFrom(there));
        Assert.Contains("deadline", FederatedTerms.Of(same, new() { Deadline = TimeSpan.FromSeconds(7) }).DifferenceFrom(there));
        Assert.Contains("number of rounds is 10 there and 3 here", FederatedTerms.Of(same, new() { Rounds = 3 }).DifferenceFrom(there));
    }

    [Fact]
    public void ProbesThatAreNoNumbersInTheSamePlacesAreTheSame()
    {
        Assert.Null(With(float.NaN).DifferenceFrom(With(float.NaN)));
        Assert.Null(With(float.PositiveInfinity).DifferenceFrom(With(float.PositiveInfinity)));
        Assert.Contains("start from", With(float.NaN).DifferenceFrom(With(1)));
        Assert.Contains("start from", With(1).DifferenceFrom(With(float.NaN)));
        Assert.Null(With(float.NaN).DifferenceFrom(KeptRun.Of(With(float.NaN), 1, [1]).ReadTerms()!));
    }
}
