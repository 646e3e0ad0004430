using Xunit;

namespace MappingNets.Tests;

public sealed class StepTimesTests
{
    private static StepTimes Of(IEnumerable<double> times)
    {
        var kept = new StepTimes();
        foreach (var time in times)
            kept.Add(time);
        return kept;
    }

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(1, 1.0)]
    [InlineData(4, 2.5)]
    [InlineData(4095, 2048.0)]
    public void Few_steps_are_all_kept(int steps, double median)
    {
        var times = Of(Enumerable.Range(1, steps).Select(step => (double)step));

        Assert.Equal(steps, times.Kept.Count);
        Assert.Equal(median, times.Median);
    }

    [Fact]
    public void A_million_steps_keep_a_few_thousand_at_equal_distances()
    {
        var times = Of(Enumerable.Range(0, 1_000_000).Select(step => (double)step));

        Assert.InRange(times.Kept.Count, 2048, 4096);
        Assert.Equal(Enumerable.Range(0, times.Kept.Count).Select(index => index * 256.0), times.Kept);
        Assert.InRange(times.Median, 499_000, 501_000);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(20_000)]
    [InlineData(20_480)]
    public void A_run_in_two_pieces_keeps_the_same_ones(int first)
    {
        var all = Enumerable.Range(0, 50_000).Select(step => (double)step).ToArray();
        var before = Of(all[..first]);
        var resumed = new StepTimes();

        resumed.Take(before.Kept, first);
        foreach (var time in all[first..])
            resumed.Add(time);

        Assert.Equal(Of(all).Kept, resumed.Kept);
    }
}
