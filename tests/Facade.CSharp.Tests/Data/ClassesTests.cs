using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ClassesTests
{
    private static readonly long[] Some = [0, 0, 2, 1, 0, 2, 0, 0, Dataset.IgnoredLabel, 0, 2, 1, 2, 0, 0, 0];

    private static Dataset InMemory() => Dataset.FromTensors(arange(16, dtype: float32).reshape(16, 1), tensor(Some), ["a", "b", "c"]);

    private static Dataset Streamed(Action? onLoad = null, long[]? labels = null) => Dataset.FromSamples(16, [1], [], ["a", "b", "c"], number =>
    {
        onLoad?.Invoke();
        return (full([1], (float)number), tensor(Some[number]));
    }, labels: labels);

    [Fact]
    public void Weights_let_every_class_count_alike()
    {
        using var data = InMemory();
        using var streamed = Streamed();
        Assert.Equal([9L, 2, 4], data.ClassCounts());
        Assert.Equal([9L, 2, 4], streamed.ClassCounts());
        Assert.Equal([15 / 27.0, 15 / 6.0, 15 / 12.0], data.BalancedWeights());
        using var part = data.Take(2);
        Assert.Contains("'b' has no sample", Assert.Throws<InvalidOperationException>(() => part.BalancedWeights()).Message);
        using var numbers = Dataset.FromTensors(zeros(2, 1), zeros(2, 1));
        Assert.Throws<InvalidOperationException>(() => numbers.ClassCounts());
    }

    [Fact]
    public void A_stratified_split_takes_the_share_of_every_class_and_loses_no_sample()
    {
        using var scope = NewDisposeScope();
        foreach (var data in new[] { InMemory(), Streamed() })
        {
            var (training, heldOut) = data.SplitStratified(0.5, seed: 3);
            Assert.Equal([5L, 1, 2], training.ClassCounts());
            Assert.Equal([4L, 1, 2], heldOut.ClassCounts());
            var numbers = new[] { training, heldOut }.SelectMany(part => part.ToMemory().Inputs.data<float>().ToArray()).ToArray();
            Assert.Equal(Enumerable.Range(0, 16).Select(number => (float)number), numbers.Order());
            var again = data.SplitStratified(0.5, seed: 3).HeldOut.ToMemory().Inputs.data<float>().ToArray();
            Assert.Equal(heldOut.ToMemory().Inputs.data<float>().ToArray(), again);
            Assert.NotEqual(again, data.SplitStratified(0.5, seed: 4).HeldOut.ToMemory().Inputs.data<float>().ToArray());
            Assert.Throws<ArgumentOutOfRangeException>("fraction", () => data.SplitStratified(0.01, 1));
            Assert.Throws<ArgumentOutOfRangeException>("fraction", () => data.SplitStratified(1, 1));
        }
    }

    [Fact]
    public void Announced_labels_spare_the_making_of_samples_and_are_checked()
    {
        var made = 0;
        using var data = Streamed(() => made++, Some);
        using var part = data.SplitStratified(0.5, 1).Training;
        Assert.Equal([9L, 2, 4], data.ClassCounts());
        Assert.Equal([5L, 1, 2], part.ClassCounts());
        Assert.Equal(0, made);
        Assert.Throws<ArgumentException>("labels", () => Streamed(labels: [0, 1]));
        Assert.Contains("A label is 3", Assert.Throws<ArgumentException>("labels", () => Streamed(labels: [.. Some[..15], 3])).Message);
        using var lying = Streamed(labels: [1, .. Some[1..]]);
        Assert.Contains("1 was announced", Assert.Throws<InvalidOperationException>(() => lying.ToMemory()).Message);
    }

    [Fact]
    public void A_folder_of_pictures_knows_its_classes_before_any_is_decoded()
    {
        using var folder = new TemporaryFolder();
        folder.Write([1, 2, 3], "a", "broken.png");
        folder.Write([1, 2, 3], "b", "1.png");
        folder.Write([1, 2, 3], "b", "2.png");
        using var data = ImageFolder.Open(folder.Path, 2, 2);
        Assert.Equal([1L, 2], data.ClassCounts());
    }
}
