using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class BlendedForgeriesTests
{
    private const int Side = 16;

    /// <summary>Stripes of their own width, colour and contrast in each picture.</summary>
    private static Dataset Stripes(int count)
    {
        using var scope = NewDisposeScope();
        var pictures = Enumerable.Range(0, count).Select(number => arange(Side, dtype: float32).div(1 + (number % 3)).floor().fmod(2).mul(20 + (10 * number))
            .add(40 + (8 * number)).expand(3, Side, Side).mul(tensor([1f, 0.8f, 0.6f]).view(3, 1, 1)));
        return Dataset.FromTensors(stack([.. pictures]), zeros(count, dtype: int64), ["any"]);
    }

    [Fact]
    public void Every_second_picture_is_forged_by_its_seed_and_the_others_stay()
    {
        using var scope = NewDisposeScope();
        using var pictures = Stripes(8);
        using var blended = BlendedForgeries.Of(pictures, seed: 3).ToMemory();
        using var again = BlendedForgeries.Of(pictures, seed: 3).ToMemory();
        using var other = BlendedForgeries.Of(pictures, seed: 4).ToMemory();

        Assert.Equal([0L, 1, 0, 1, 0, 1, 0, 1], blended.Labels.data<long>());
        Assert.Equal(["real", "forged"], blended.ClassNames);
        Assert.Equal(blended.Inputs.data<float>().ToArray(), again.Inputs.data<float>().ToArray());
        for (var number = 0; number < 8; number++)
        {
            var change = (blended.Inputs[number] - pictures.Inputs[number]).abs().mean().item<float>();
            // A JPEG file changes a little, a patch much more.
            if (number % 2 == 0)
                Assert.InRange(change, 0, 6);
            else
                Assert.NotEqual(blended.Inputs[number], other.Inputs[number]);
        }
    }

    [Fact]
    public void A_patch_has_the_colours_of_the_place_it_covers_and_leaves_the_rim()
    {
        using var scope = NewDisposeScope();
        using var pictures = Stripes(2);
        var (host, donor) = (pictures.Inputs[0].data<float>().ToArray(), pictures.Inputs[1].mul(0.5).add(120).clamp(0, 255).data<float>().ToArray());
        for (ulong seed = 0; seed < 20; seed++)
        {
            var forged = tensor(BlendedForgeries.Forged(host, donor, Side, Side, new(seed, "test")), [3, Side, Side]);
            var change = (forged - pictures.Inputs[0]).abs();

            Assert.True(change.max().item<float>() > 5);
            // Far brighter, yet the mean of each colour stays.
            Assert.InRange((forged - pictures.Inputs[0]).mean([1, 2]).abs().max().item<float>(), 0, 4);
            // At most the ellipse of 0.35 half axes, 38% of the picture, and its soft edge.
            Assert.InRange(change.amax([0]).gt(0.01).sum().item<long>(), 10, (long)(0.75 * Side * Side));
        }
    }

    [Fact]
    public void What_cannot_be_forged_is_refused()
    {
        using var one = Stripes(1);
        Assert.Throws<ArgumentException>("pictures", () => BlendedForgeries.Of(one, 1));
        using var grey = Dataset.FromTensors(zeros(3, 1, 4, 4), zeros(3, dtype: int64), ["any"]);
        Assert.Throws<ArgumentException>("pictures", () => BlendedForgeries.Of(grey, 1));
    }
}
