using MappingNets.Experiments.Rivals;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class RidgeForecastTests
{
    // Three hours of two features and one that never changes; the next value is 2 a - b + 5 of the last hour, and noise where asked.
    private static Dataset Windows(int count, int seed, double noise)
    {
        using var generator = new Generator((ulong)seed);
        using var scope = NewDisposeScope();
        var windows = randn([count, 3, 3], generator: generator);
        windows[.., .., 2] = 7;
        var next = (2 * windows[.., 2, 0]) - windows[.., 2, 1] + 5 + (noise * randn([count], generator: generator));
        return Dataset.FromTensors(windows, next.unsqueeze(1));
    }

    [Fact]
    public void A_linear_law_is_found_beside_a_constant_column()
    {
        using var training = Windows(200, 1, 0);
        using var heldOut = Windows(50, 2, 0);
        using var test = Windows(50, 3, 0);

        var found = RidgeForecast.Of(training, heldOut, test);

        Assert.InRange(found.Loss, 0, 1e-8);
        Assert.Equal(1e-6, found.Penalty);
    }

    [Fact]
    public void Few_noisy_windows_take_a_larger_penalty_chosen_without_the_test_part()
    {
        using var training = Windows(12, 1, 3);
        using var heldOut = Windows(400, 2, 3);
        using var test = Windows(400, 3, 3);
        using var other = Windows(400, 4, 0);

        var found = RidgeForecast.Of(training, heldOut, test);

        Assert.True(found.Penalty > 1e-6);
        Assert.Equal(found.Penalty, RidgeForecast.Of(training, heldOut, other).Penalty);
    }
}
