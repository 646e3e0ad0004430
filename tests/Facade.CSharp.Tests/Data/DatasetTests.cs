using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class DatasetTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // Sample i is the row (i, i) of class i mod 3, so a sample that lost its label shows.
    private static Dataset Numbered(int count)
    {
        using var inner = NewDisposeScope();
        var numbers = arange(count, dtype: ScalarType.Float32);
        return Dataset.FromTensors(
            stack([numbers, numbers], 1), arange(count, dtype: ScalarType.Int64).remainder(3), ["a", "b", "c"]);
    }

    private static int[] Numbers(Tensor inputs) => [.. inputs.select(1, 0).contiguous().data<float>().Select(x => (int)x)];

    private static List<int[]> Read(IEnumerable<Batch> batches)
    {
        var read = new List<int[]>();
        foreach (var (inputs, targets) in batches)
        {
            read.Add(Numbers(inputs));
            Assert.Equal(read[^1].Select(number => number % 3L), targets.contiguous().data<long>());
        }

        return read;
    }

    [Fact]
    public void Some_classes_are_kept_in_order_and_numbered_anew()
    {
        using var data = Numbered(10);

        using var some = data.OfClasses(2, 0);

        Assert.Equal([0, 2, 3, 5, 6, 8, 9], Numbers(some.Inputs));
        Assert.Equal([1L, 0, 1, 0, 1, 0, 1], some.Labels.data<long>());
        Assert.Equal(["c", "a"], some.ClassNames);
        Assert.Equal([0L, 1, 2], data.Labels.data<long>().Take(3));
    }

    [Theory]
    [InlineData("Class 3 is unknown", 0, 3)]
    [InlineData("Class -1 is unknown", -1)]
    [InlineData("Class 1 is unknown or given twice", 1, 1)]
    [InlineData("no class to keep")]
    [InlineData("no sample of the classes 2", 2)]
    public void Classes_that_cannot_be_kept_are_refused(string message, params int[] classes)
    {
        using var data = Numbered(2);

        var refusal = Assert.Throws<ArgumentException>(() => data.OfClasses(classes));

        Assert.Equal("classes", refusal.ParamName);
        Assert.Contains(message, refusal.Message);
    }

    [Theory]
    [InlineData()]
    [InlineData(2L)]
    public void Numbers_to_regress_have_no_classes_to_keep(params long[] shape)
    {
        using var data = Dataset.FromTensors(zeros(4, 2), zeros([4, .. shape]));

        Assert.Contains("numbers to regress", Assert.Throws<InvalidOperationException>(() => data.OfClasses(0)).Message);
    }

    [Fact]
    public void Samples_that_are_made_are_gone_with_their_data_set()
    {
        var data = Dataset.FromSamples(2, [2], [], ["a"], _ => (zeros(2), tensor(0L)));
        data.Dispose();

        Assert.Throws<ObjectDisposedException>(() => data.ToMemory());
        Assert.Throws<ObjectDisposedException>(() => data.To(CPU));
    }

    [Fact]
    public void A_pass_gives_every_sample_once_with_its_own_label_and_the_rest_last()
    {
        using var data = Numbered(103);

        var batches = Read(data.Batches(10, seed: 5, epoch: 2));

        Assert.Equal([.. Enumerable.Repeat(10, 10), 3], batches.Select(batch => batch.Length));
        Assert.Equal(Enumerable.Range(0, 103), batches.SelectMany(batch => batch).Order());
    }

    [Fact]
    public void The_order_depends_on_seed_and_epoch_and_on_nothing_else()
    {
        using var data = Numbered(50);

        manual_seed(1);
        var order = Read(data.Batches(8, seed: 5, epoch: 2));
        manual_seed(2);
        Assert.Equal(order, Read(data.Batches(8, seed: 5, epoch: 2)));
        Assert.Equal(order.SelectMany(batch => batch), Read(data.Batches(50, seed: 5, epoch: 2))[0]);
        Assert.NotEqual(order, Read(data.Batches(8, seed: 5, epoch: 3)));
        Assert.NotEqual(order, Read(data.Batches(8, seed: 6, epoch: 2)));
        Assert.Equal(Enumerable.Range(0, 50), Read(data.Batches(8, shuffle: false)).SelectMany(batch => batch));
    }

    [Fact]
    public void A_batch_is_freed_when_the_next_is_asked_for_even_inside_a_scope()
    {
        using var data = Numbered(4);
        var seen = new List<Tensor>();

        foreach (var shuffle in new[] { true, false })
            foreach (var batch in data.Batches(2, shuffle: shuffle))
                seen.AddRange([batch.Inputs, batch.Targets]);

        Assert.All(seen, tensor => Assert.True(tensor.IsInvalid));
        Assert.False(data.Inputs.IsInvalid);
    }

    [Fact]
    public void Holding_out_divides_the_samples_the_same_way_for_the_same_seed()
    {
        using var data = Numbered(40);

        var (training, heldOut) = data.SplitHoldOut(8, seed: 1);
        var again = data.SplitHoldOut(0.2, seed: 1);
        var other = data.SplitHoldOut(8, seed: 2);

        Assert.Equal((32, 8), (training.Count, heldOut.Count));
        Assert.Equal(Enumerable.Range(0, 40), Numbers(training.Inputs).Concat(Numbers(heldOut.Inputs)).Order());
        Assert.Equal(Numbers(heldOut.Inputs).Order(), Numbers(heldOut.Inputs));
        Assert.Equal(Numbers(heldOut.Inputs).Select(number => number % 3L), heldOut.Labels.data<long>());
        Assert.Equal(Numbers(heldOut.Inputs), Numbers(again.HeldOut.Inputs));
        Assert.NotEqual(Numbers(heldOut.Inputs), Numbers(other.HeldOut.Inputs));
        Assert.NotEqual(Enumerable.Range(0, 8), Numbers(heldOut.Inputs));
    }

    [Fact]
    public void A_part_outlives_the_whole()
    {
        Dataset part;
        using (NewDisposeScope())
        using (var data = Numbered(10))
            part = data.Slice(4, 3);

        using (part)
            Assert.Equal([4, 5, 6], Numbers(part.Inputs));
        using var whole = Numbered(10);
        using var first = whole.Take(2);
        Assert.Equal([0, 1], Numbers(first.Inputs));
        Assert.Equal(["a", "b", "c"], first.ClassNames);
    }

    [Fact]
    public void Numbers_to_regress_are_targets_too()
    {
        using var data = Dataset.FromTensors(zeros(5, 24, 67), zeros(5, 1));

        Assert.False(data.IsClassification);
        Assert.Equal([24L, 67], data.InputShape);
        Assert.Equal([1L], data.TargetShape);
        Assert.Equal([2L, 1], data.Batches(2).Select(batch => batch.Targets.shape).First());
        Assert.Throws<InvalidOperationException>(() => data.Labels);
    }

    [Fact]
    public void Tensors_that_make_no_data_set_are_refused()
    {
        static void Refused(string what, Func<Dataset> make) =>
            Assert.Contains(what, Assert.ThrowsAny<ArgumentException>(make).Message);
        var classes = new[] { "a", "b" };
        var long2 = zeros(2, ScalarType.Int64);

        Refused("shape (0, 3); there must be at least one sample", () => Dataset.FromTensors(zeros(0, 3), zeros(0)));
        Refused("There are 3 inputs, but the labels have the shape (2)", () => Dataset.FromTensors(zeros(3, 1), long2, classes));
        Refused("There are 3 inputs, but the targets have the shape (2)", () => Dataset.FromTensors(zeros(3, 1), zeros(2)));
        Refused("The labels are Float32; they must be Int64", () => Dataset.FromTensors(zeros(2, 1), zeros(2), classes));
        Refused("The targets are Int64", () => Dataset.FromTensors(zeros(2, 1), long2));
        Refused("no class names", () => Dataset.FromTensors(zeros(2, 1), long2, []));
        Refused("Label 1 is 2; with 2 classes", () => Dataset.FromTensors(zeros(2, 1), tensor(new[] { 0L, 2 }), classes));
        Refused("Label 0 is -1; with 2 classes", () => Dataset.FromTensors(zeros(2, 1), tensor(new[] { -1L, 0 }), classes));
    }

    [Fact]
    public void Numbers_out_of_range_are_refused_before_anything_is_read()
    {
        using var data = Numbered(10);

        Assert.Throws<ArgumentOutOfRangeException>("batchSize", () => data.Batches(0));
        Assert.Throws<ArgumentOutOfRangeException>("epoch", () => data.Batches(1, epoch: -1));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => data.Take(0));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => data.Take(11));
        Assert.Throws<ArgumentOutOfRangeException>("start", () => data.Slice(10, 1));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => data.SplitHoldOut(10, seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>("fraction", () => data.SplitHoldOut(1.0, seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>("fraction", () => data.SplitHoldOut(double.NaN, seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>("fraction", () => data.SplitHoldOut(0.01, seed: 1));
    }
}
