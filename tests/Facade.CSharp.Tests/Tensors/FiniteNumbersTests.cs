using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Tensors;

public sealed class FiniteNumbersTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void FindsOneBadNumberWhereverItStands(ScalarType type)
    {
        using var scope = NewDisposeScope();
        foreach (var length in new[] { 1, 7, 8, 37, 70_000 })
            foreach (var at in new[] { 0, length / 2, length - 1 })
                foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
                {
                    var numbers = full(length, -1e30, dtype: type);
                    Assert.True(FiniteNumbers.AllIn(numbers));
                    numbers[at] = bad;
                    Assert.False(FiniteNumbers.AllIn(numbers), $"{bad} at {at} of {length}");
                }
    }

    [Fact]
    public void TheLargestNumbersAreFiniteThoughTheirSumIsNot()
    {
        using var scope = NewDisposeScope();
        Assert.True(FiniteNumbers.AllIn(full(100, float.MaxValue)));
        Assert.True(FiniteNumbers.AllIn(full(100_000, float.MaxValue)));
    }

    [Fact]
    public void NothingAndStridedTensorsAreRead()
    {
        using var scope = NewDisposeScope();
        Assert.True(FiniteNumbers.AllIn(empty(0)));
        var matrix = ones(4, 4);
        matrix[1, 2] = double.NaN;
        Assert.True(FiniteNumbers.AllIn(matrix.t()[3]));
        Assert.False(FiniteNumbers.AllIn(matrix.t()[2]));
    }
}
