using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class AugmentationTests
{
    internal static readonly Augmentation Everything =
        Augmentation.None.FlipHorizontally().FlipVertically(0.2).Shift(2).Rotate(20, 1.2).Light(0.3, 0.2).Erase(0.4);

    internal static Dataset Ramp(int count = 6, int side = 8) => Dataset.FromTensors(
        arange(count * side * side, dtype: float32).reshape(count, 1, side, side).div(100), zeros(count, dtype: int64), ["only"]);

    internal static float[] Batch(Dataset data, int epoch, int batchSize, bool shuffle = false) =>
        [.. data.Batches(batchSize, seed: 5, epoch, shuffle).SelectMany(batch => batch.Places.Zip(batch.Inputs.split(1)))
            .OrderBy(sample => sample.First).SelectMany(sample => sample.Second.data<float>().ToArray())];

    [Fact]
    public void A_sample_changes_by_seed_and_epoch_and_not_by_its_batch_or_order()
    {
        using var scope = NewDisposeScope();
        var data = Ramp();
        var changing = data.Augmented(Everything, seed: 7);

        var first = Batch(changing, epoch: 1, batchSize: 6);

        Assert.Equal(first, Batch(changing, epoch: 1, batchSize: 2));
        Assert.Equal(first, Batch(changing, epoch: 1, batchSize: 4, shuffle: true));
        Assert.Equal(first, Batch(data.Augmented(Everything, seed: 7), epoch: 1, batchSize: 6));
        Assert.NotEqual(first, Batch(changing, epoch: 2, batchSize: 6));
        Assert.NotEqual(first, Batch(data.Augmented(Everything, seed: 8), epoch: 1, batchSize: 6));
        Assert.Equal(data.Inputs.data<float>().ToArray(), Batch(data, epoch: 1, batchSize: 6));
        Assert.Equal(data.Inputs.data<float>().ToArray(), changing.Inputs.data<float>().ToArray());
    }

    [Fact]
    public void Flips_mirror_shifts_move_and_erasing_makes_a_hole_of_its_size()
    {
        using var scope = NewDisposeScope();
        var data = Ramp(1);
        var picture = data.Inputs[0];
        Assert.Equal(picture.flip(-1).data<float>().ToArray(), Batch(data.Augmented(Augmentation.None.FlipHorizontally(1)), 0, 1));
        Assert.Equal(picture.flip(-2).data<float>().ToArray(), Batch(data.Augmented(Augmentation.None.FlipVertically(1)), 0, 1));
        Assert.Equal(picture.data<float>().ToArray(), Batch(data.Augmented(Augmentation.None.FlipHorizontally(0).Erase(0.5, 0).Rotate(0).Light(0, 0)), 0, 1));

        var moves = Enumerable.Range(0, 60).Select(epoch => Moved(Batch(data.Augmented(Augmentation.None.Shift(1)), epoch, 1))).ToHashSet();
        Assert.Equal(9, moves.Count);

        var ones = Dataset.FromTensors(ones_like(data.Inputs), zeros(1, dtype: int64), ["only"]);
        for (var epoch = 0; epoch < 20; epoch++)
            Assert.Equal(64 - 16, Batch(ones.Augmented(Augmentation.None.Erase(0.5, 1)), epoch, 1).Sum());

        // The way a picture went, found by comparing it with all it can become.
        (int Down, int Right) Moved(float[] result) => (
            from down in Enumerable.Range(-1, 3)
            from right in Enumerable.Range(-1, 3)
            let expected = Enumerable.Range(0, 64).Select(at => (Y: (at / 8) + down, X: (at % 8) + right))
                .Select(at => at is { Y: >= 0 and < 8, X: >= 0 and < 8 } ? ((8 * at.Y) + at.X) / 100f : 0)
            where expected.SequenceEqual(result)
            select (down, right)).Single();
    }

    [Fact]
    public void A_turn_by_up_to_180_degrees_keeps_a_disc_and_scaling_stays_within_its_factor()
    {
        using var scope = NewDisposeScope();
        var line = arange(33, dtype: float32).sub(16);
        var disc = line.pow(2).unsqueeze(0).add(line.pow(2).unsqueeze(1)).le(100).to(float32).reshape(1, 1, 33, 33);
        var data = Dataset.FromTensors(disc, zeros(1, dtype: int64), ["only"]);
        var area = disc.sum().item<float>();

        for (var epoch = 0; epoch < 10; epoch++)
        {
            Assert.InRange(Batch(data.Augmented(Augmentation.None.Rotate(180)), epoch, 1).Sum(), 0.97 * area, 1.03 * area);
            Assert.InRange(Batch(data.Augmented(Augmentation.None.Rotate(0, 1.3)), epoch, 1).Sum(), area / 1.75, area * 1.75);
        }

        var wide = Dataset.FromTensors(disc[.., .., 4..29, ..].contiguous(), zeros(1, dtype: int64), ["only"]);
        Assert.InRange(Batch(wide.Augmented(Augmentation.None.Rotate(180)), 3, 1).Sum(), 0.97 * area, 1.03 * area);
    }

    /// <summary>Pixels of 64 classes from 1 on, each with its class's number as its only colour.</summary>
    private static Dataset Pixels()
    {
        var labels = arange(1, 65, dtype: int64).reshape(1, 8, 8);
        return Dataset.FromTensors(labels.to(float32).unsqueeze(1), labels, [.. Enumerable.Range(0, 65).Select(number => $"{number}")]);
    }

    [Fact]
    public void Labels_of_pixels_move_as_the_pixels_do()
    {
        using var scope = NewDisposeScope();
        var changing = Pixels().Augmented(Augmentation.None.FlipHorizontally().FlipVertically().Shift(2).Crop(6, 5), seed: 3);
        Assert.Equal([1L, 6, 5], changing.InputShape);
        Assert.Equal([6L, 5], changing.TargetShape);
        var seen = new HashSet<string>();
        for (var epoch = 0; epoch < 30; epoch++)
            foreach (var batch in changing.Batches(1, epoch: epoch))
            {
                var labels = batch.Targets.data<long>().ToArray();
                Assert.Equal(labels.Select(label => label == Dataset.IgnoredLabel ? 0f : label), batch.Inputs.data<float>().ToArray());
                seen.Add(string.Join(' ', labels));
            }

        Assert.InRange(seen.Count, 25, 30);

        // What changes colours leaves the labels.
        foreach (var batch in Pixels().Augmented(Augmentation.None.Light(0.5, 0.5).Erase(0.5, 1)).Batches(1))
            Assert.Equal(Pixels().Labels.data<long>().ToArray(), batch.Targets.data<long>().ToArray());
    }

    [Fact]
    public void Labels_of_pixels_turn_with_them_and_none_is_invented()
    {
        using var scope = NewDisposeScope();
        // Two halves of one class each: inside of a half the interpolated colour is the class.
        var labels = cat([full(1, 24, 12, 1L), full(1, 24, 12, 3L)], 2).to(int64);
        var changing = Dataset.FromTensors(labels.to(float32).unsqueeze(1), labels, ["a", "b", "c", "d"]).Augmented(Augmentation.None.Rotate(180, 1.5));
        for (var epoch = 0; epoch < 10; epoch++)
            foreach (var batch in changing.Batches(1, epoch: epoch))
            {
                var pairs = batch.Targets.data<long>().ToArray().Zip(batch.Inputs.data<float>().ToArray()).ToArray();
                Assert.Subset(new HashSet<long> { 1, 3, Dataset.IgnoredLabel }, pairs.Select(pair => pair.First).ToHashSet());
                var clear = pairs.Where(pair => new[] { 0f, 1, 3 }.Any(value => Math.Abs(pair.Second - value) < 1e-4)).ToArray();
                Assert.InRange(clear.Length, 400, 576);
                Assert.All(clear, pair => Assert.Equal(pair.First == Dataset.IgnoredLabel ? 0 : pair.First, pair.Second, 1e-3));
            }
    }

    [Fact]
    public void A_crop_comes_from_every_place_and_only_changing_parts_have_its_size()
    {
        using var scope = NewDisposeScope();
        var changing = Ramp(6, 4).Augmented(Augmentation.None.Crop(3, 2), seed: 1);
        var places = Enumerable.Range(0, 30).SelectMany(epoch => Batch(changing, epoch, 6).Chunk(6).Select(crop => (int)Math.Round(100 * crop[0]) % 16));
        Assert.Equal([0, 1, 2, 4, 5, 6], places.Distinct().Order());

        var (training, heldOut) = changing.SplitHoldOut(2, seed: 1);
        Assert.Equal([1L, 3, 2], training.InputShape);
        Assert.Equal([1L, 4, 4], heldOut.InputShape);
        Assert.Equal([1L, 4, 4], changing.Augmented(Augmentation.None).InputShape);
        Assert.Equal([1L, 2, 2], changing.Augmented(Augmentation.None.Crop(2, 2)).InputShape);
    }

    [Fact]
    public void What_is_held_out_of_an_augmented_set_is_unchanged_and_its_other_parts_are_not()
    {
        using var scope = NewDisposeScope();
        var changing = Ramp().Augmented(Everything);

        var (training, heldOut) = changing.SplitHoldOut(2, seed: 1);
        var (stratified, rest) = changing.SplitStratified(0.5, seed: 1);

        Assert.Equal("none", heldOut.Augmentation.ToString());
        Assert.Equal("none", rest.Augmentation.ToString());
        foreach (var part in new[] { training, stratified, changing.Take(2), changing.ToMemory() })
            Assert.Equal("flip horizontally 0.5, flip vertically 0.2, shift 2, rotate 20 1.2, light 0.3 0.2, erase 0.4 0.5", part.Augmentation.ToString());
    }

    [Fact]
    public void What_cannot_be_augmented_is_refused()
    {
        using var scope = NewDisposeScope();
        var flat = Dataset.FromTensors(zeros(2, 3), zeros(2, dtype: int64), ["only"]);
        Assert.Contains("a height and a width", Assert.Throws<InvalidOperationException>(() => flat.Augmented(Everything)).Message);
        var coarse = Dataset.FromTensors(zeros(2, 3, 4, 4), zeros(2, 2, 2, dtype: int64), ["only"]);
        Assert.Contains("would stay where they are", Assert.Throws<InvalidOperationException>(() => coarse.Augmented(Everything)).Message);
        var depths = Dataset.FromTensors(zeros(2, 3, 4, 4), zeros(2, 4, 4));
        Assert.Contains("would stay where they are", Assert.Throws<InvalidOperationException>(() => depths.Augmented(Everything)).Message);
        Assert.Contains(
            "'blur' moves pixels is not known",
            Assert.Throws<InvalidOperationException>(() => Pixels().Augmented(Augmentation.None.Then("blur", (input, _) => input))).Message);
        Assert.Contains(
            "'crop 4 9' cannot be cut out of pictures of 8 x 8",
            Assert.Throws<InvalidOperationException>(() => Ramp().Augmented(Augmentation.None.Crop(4, 9))).Message);
        Assert.Throws<ArgumentOutOfRangeException>("height", () => Augmentation.None.Crop(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>("width", () => Augmentation.None.Crop(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>("share", () => Augmentation.None.FlipHorizontally(1.1));
        Assert.Throws<ArgumentOutOfRangeException>("pixels", () => Augmentation.None.Shift(0));
        Assert.Throws<ArgumentOutOfRangeException>("degrees", () => Augmentation.None.Rotate(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("scale", () => Augmentation.None.Rotate(1, 0.9));
        Assert.Throws<ArgumentOutOfRangeException>("contrast", () => Augmentation.None.Light(-1, 0));
        Assert.Throws<ArgumentOutOfRangeException>("side", () => Augmentation.None.Erase(0));
        var wrong = Ramp().Augmented(Augmentation.None.Then("crop", (input, _) => input.narrow(-1, 0, 4)));
        Assert.Contains("'crop' made", Assert.Throws<InvalidOperationException>(() => Batch(wrong, 0, 2)).Message);
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-6)]
    [InlineData(ScalarType.Float16, 1e-3)]
    [InlineData(ScalarType.BFloat16, 1e-2)]
    public void Pictures_of_every_type_of_floats_are_changed_alike(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var data = Dataset.FromTensors(Small.Uniform(3, 1, 8, 8), zeros(3, dtype: int64), ["only"]);
        var typed = Dataset.FromTensors(data.Inputs.to(type), data.Targets, data.ClassNames).Augmented(Everything, seed: 7);

        var changed = typed.Batches(3, shuffle: false).Select(batch => (batch.Inputs.dtype, Values: Small.Values(batch.Inputs.to(float32)))).Single();

        Assert.Equal(type, changed.dtype);
        Assert.All(
            Batch(data.Augmented(Everything, seed: 7), 0, 3).Zip(changed.Values), pair => Assert.Equal(pair.First, pair.Second, 4 * tolerance));
    }
}
