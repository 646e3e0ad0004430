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

        var stored = QuantizedNumbers.Of(numbers, bits, group);
        var restored = stored.Restored;

        Assert.Equal((bytes, (long)count), (stored.Codes.numel() + (2 * stored.Steps.numel()), restored.shape[0]));
        var steps = stored.Steps.to(float32).repeat_interleave(group)[..count];
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

        var restored = QuantizedNumbers.Of(tensor(values), 8, 2).Restored;

        Assert.All(values.Zip(Small.Values(restored)), pair => Assert.Equal(pair.First, pair.Second, Math.Abs(pair.First) * 0.01));
    }

    [Fact]
    public void There_are_no_codes_of_other_widths() =>
        Assert.Throws<ArgumentOutOfRangeException>("bits", () => Quantization.StepsOf(zeros(3), 2, 1));

    [Theory]
    [InlineData(8, 127)]
    [InlineData(4, 7)]
    public void Numbers_so_small_that_their_step_is_no_normal_half_keep_the_documented_bound(int bits, int levels)
    {
        using var scope = NewDisposeScope();
        foreach (var multiple in new[] { 1, 2, 6, 30, 1000 })
        {
            // Steps of this size are multiples of 2^-24, and the nearest one would cut the largest numbers.
            var numbers = linspace(-1, 1, 64) * (levels * MathF.ScaleB(multiple + 0.4f, -24));
            var stored = QuantizedNumbers.Of(numbers, bits, 64);
            var step = stored.Steps.to(float32).item<float>();

            Assert.Equal(MathF.ScaleB(multiple + 1, -24), step);
            Assert.InRange((stored.Restored - numbers).abs().max().item<float>(), 0, 0.5001 * step);
        }
    }

    [Theory]
    [InlineData(StoredPrecision.Int8, 127, false)]
    [InlineData(StoredPrecision.Int8, 127, true)]
    [InlineData(StoredPrecision.Int4, 7, false)]
    public void A_group_whose_step_half_precision_does_not_have_keeps_its_tensor_in_single_precision(StoredPrecision precision, int levels, bool sparse)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (smallest, path) = (MathF.ScaleB(levels, -24), folder.File("w.safetensors"));
        float[] tiny = [1, -1, smallest * 0.99f, smallest / 100, 0, 0], small = [1, -1, smallest * 1.01f, smallest / 100, 0, 0];

        TensorFile.Write(path, [Of("tiny", tiny), Of("small", small)], new Dictionary<string, string>());

        using var file = TensorFile.Read(path);
        Assert.Equal(tiny, Small.Values(file.Load("tiny")));
        using var stored = SafetensorsFile.Read(path);
        Assert.Equal(["small", "small_scale"], stored.Entries.Select(entry => entry.Name).Where(name => name.StartsWith("small", StringComparison.Ordinal) && !name.EndsWith("_mask", StringComparison.Ordinal)).Order());
        Assert.Equal("F32", stored.Entries.Single(entry => entry.Name == "tiny").StoredType);
        Assert.DoesNotContain(stored.Entries, entry => entry.Name == "tiny_scale");

        TensorToStore Of(string name, float[] values) =>
            new(name, tensor(values).view(3, 2), precision, sparse ? tensor(values).ne(0) : null);
    }
}
