using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class QuantizationTests
{
    [Theory]
    [InlineData(8, 64, 200, 200 + (4 * 2))]
    [InlineData(4, 64, 200, 100 + (4 * 2))]
    [InlineData(4, 10, 21, 11 + (3 * 2))]
    [InlineData(8, 300, 200, 200 + 2)]
    public void What_comes_back_is_within_half_a_step_and_the_bytes_are_counted(int bits, long group, int count, long bytes)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var numbers = randn([count], generator: generator);
        numbers[3] = 5;

        var codes = Quantization.ToWhole(numbers, bits, group);
        var restored = codes.Restored(group);

        Assert.Equal((bytes, (long)count), (codes.Bytes, restored.shape[0]));
        var steps = codes.Steps!.to(float32).repeat_interleave(group)[..count];
        // The step itself is in half precision, so the largest number may be cut by one part in two thousand.
        Assert.True(((restored - numbers).abs() <= (0.501 * steps) + (numbers.abs() * 1e-3)).all().item<bool>());
        Assert.Equal(5, restored[3].item<float>(), 0.01);
        Assert.InRange(Small.Values(restored / steps).Select(code => (int)Math.Round(code)).Distinct().Count(), 8, (1 << bits) - 1);
    }

    [Fact]
    public void Groups_have_steps_of_their_own_and_zeros_stay_zeros()
    {
        using var scope = NewDisposeScope();
        float[] values = [1000, 500, 0, 0, 0.002f, -0.001f];

        var restored = Quantization.ToWhole(tensor(values), 8, 2).Restored(2);

        Assert.All(values.Zip(Small.Values(restored)), pair => Assert.Equal(pair.First, pair.Second, Math.Abs(pair.First) * 0.01));
    }

    [Fact]
    public void Half_precision_keeps_what_it_can_and_takes_two_bytes()
    {
        using var scope = NewDisposeScope();
        var half = Quantization.ToHalf(tensor(new[] { 1f, 0.1f, -3f }));

        Assert.Equal(6, half.Bytes);
        Assert.Equal([1f, (float)(Half)0.1f, -3f], Small.Values(half.Restored(1)));
    }

    [Fact]
    public void There_are_no_codes_of_other_widths() =>
        Assert.Throws<ArgumentOutOfRangeException>("bits", () => Quantization.ToWhole(zeros(3), 2, 1));

    [Theory]
    [InlineData(8, 127)]
    [InlineData(4, 7)]
    public void Numbers_so_small_that_their_step_is_no_normal_half_keep_the_documented_bound(int bits, int levels)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        foreach (var size in new[] { 1e-2, 1e-4, 1e-6, 1e-8 })
        {
            var numbers = randn([64], generator: generator) * size;
            var codes = Quantization.ToWhole(numbers, bits, 64);
            var step = codes.Steps!.to(float32).item<float>();

            // Steps are multiples of 2^-24 there, at least 2^-23, so the largest number may be cut by the levels' share of that rounding.
            var bound = (0.5001 * step) + (levels * Math.Max(Math.Pow(2, -25), step / 2048));
            Assert.InRange((codes.Restored(64) - numbers).abs().max().item<float>(), 0, bound);
            Assert.True(step >= Math.Pow(2, -23));
        }
    }
}
