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
    public void ProbesThatAreNoNumbersInTheSamePlacesAreTheSame()
    {
        Assert.Null(With(float.NaN).DifferenceFrom(With(float.NaN)));
        Assert.Null(With(float.PositiveInfinity).DifferenceFrom(With(float.PositiveInfinity)));
        Assert.Contains("start from", With(float.NaN).DifferenceFrom(With(1)));
        Assert.Contains("start from", With(1).DifferenceFrom(With(float.NaN)));
    }
}
