using System.Runtime.InteropServices;
using Xunit;

namespace MappingNets.Tests;

/// <summary>How parts become one gradient, and how little a worker that sends wrong numbers can move it.</summary>
public sealed class CombiningTests
{
    private static readonly double[] Thirds = [1 / 3.0, 1 / 3.0, 1 / 3.0];

    [Fact]
    public void TheMeanAddsShares() =>
        Assert.Equal([6f, 60f], Combined(GradientCombination.Mean, null, [[1, 10], [2, 20], [3, 30]], Thirds));

    [Fact]
    public void APartWithANumberThatIsNotFiniteCountsInNoCoordinateOfAMedian() =>
        Assert.Equal([4.5f, 4.5f], Combined(GradientCombination.Median, null, [[1, 1], [2, 2], [float.NaN, 100]], Thirds));

    [Fact]
    public void TheMedianOfMeanGradientsStaysAmongTheHonestOnes()
    {
        // Shares 1/2, 1/4, 1/4 of mean gradients (2, -4), (4, -8) and the evil one.
        double[] shares = [0.5, 0.25, 0.25];
        foreach (var evil in new[] { 1e30f, -1e30f, float.NaN, float.PositiveInfinity })
        {
            var median = Combined(GradientCombination.Median, null, [[1, -2], [1, -2], [evil, evil]], shares);
            Assert.InRange(median[0], 2, 4);
            Assert.InRange(median[1], -8, -4);
        }

        Assert.Equal([3f, -6f], Combined(GradientCombination.Median, null, [[1, -2], [1, -2]], [0.5, 0.25]));
    }

    [Fact]
    public void ClippingBoundsWhatOnePartMoves()
    {
        // Mean gradients (3, 4), as long as allowed, and (3e10, 4e10).
        var clipped = Combined(GradientCombination.Mean, 5, [[1.5f, 2], [1.5e10f, 2e10f]], [0.5, 0.5]);
        Assert.Equal(3, clipped[0], 1e-5);
        Assert.Equal(4, clipped[1], 1e-5);
    }

    [Fact]
    public void StatisticsAreTheMeanOverThePartsThatHaveAny() =>
        Assert.Equal([2f, 20f], Floats(Combining.Statistics(GradientCombination.Mean, [Bytes([1, 10]), [], Bytes([3, 30])])));

    [Fact]
    public void LongVectorsAreAddedLikeSingleNumbers()
    {
        var parts = Enumerable.Range(0, 3).Select(part => Enumerable.Range(0, 37).Select(place => (float)Math.Sin((part * 100) + place)).ToArray()).ToArray();
        Assert.Equal(
            Enumerable.Range(0, 37).Select(place => (parts[0][place] + parts[1][place]) + parts[2][place]),
            Combined(GradientCombination.Mean, null, parts, Thirds));
    }

    private static float[] Combined(GradientCombination how, double? clip, float[][] parts, double[] shares) =>
        Floats(Combining.Combine(how, clip, [.. parts.Select(Bytes)], shares));

    private static byte[] Bytes(float[] numbers) => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray();

    private static float[] Floats(byte[] bytes) => MemoryMarshal.Cast<byte, float>(bytes.AsSpan()).ToArray();
}
