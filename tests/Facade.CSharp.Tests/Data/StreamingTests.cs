using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class StreamingTests
{
    private static Dataset Numbers(int count, List<int>? loaded = null) =>
        Dataset.FromSamples(count, [2], [], ["even", "odd"], number =>
        {
            loaded?.Add(number);
            return (tensor(new[] { (float)number, 1 }), tensor((long)number % 2));
        });

    [Fact]
    public void Samples_are_made_only_when_a_batch_needs_them()
    {
        var loaded = new List<int>();
        using var data = Numbers(5, loaded);
        Assert.Empty(loaded);

        using (var batches = data.Batches(2, shuffle: false).GetEnumerator())
        {
            Assert.True(batches.MoveNext());
            Assert.Equal([0f, 1, 1, 1], batches.Current.Inputs.data<float>());
            Assert.Equal([0L, 1], batches.Current.Targets.data<long>());
        }

        Assert.Equal([0, 1], loaded);
        Assert.Contains("ToMemory()", Assert.Throws<InvalidOperationException>(() => data.Inputs).Message);
    }

    [Fact]
    public void A_streaming_data_set_gives_the_batches_and_parts_that_one_in_memory_gives()
    {
        using var streaming = Numbers(11);
        using var inMemory = streaming.ToMemory();
        Assert.Equal((true, false), (streaming.IsStreaming, inMemory.IsStreaming));

        Assert.Equal(Seen(inMemory), Seen(streaming));
        Assert.Equal(Seen(inMemory.Slice(3, 5)), Seen(streaming.Slice(3, 5)));
        var (kept, held) = streaming.SplitHoldOut(4, 9);
        var (keptInMemory, heldInMemory) = inMemory.SplitHoldOut(4, 9);
        Assert.Equal(Seen(keptInMemory), Seen(kept));
        Assert.Equal(Seen(heldInMemory), Seen(held));

        static float[] Seen(Dataset data) =>
            [.. data.Batches(3, seed: 5).SelectMany(batch => batch.Inputs.data<float>().Concat(batch.Targets.data<long>().Select(x => (float)x)))];
    }

    [Fact]
    public void A_sample_other_than_announced_is_refused_by_number()
    {
        using var shape = Dataset.FromSamples(2, [2], [], ["one"], _ => (zeros(3), tensor(0L)));
        using var label = Dataset.FromSamples(2, [2], [], ["one"], number => (zeros(2), tensor((long)number)));
        using var type = Dataset.FromSamples(2, [2], [], ["one"], _ => (zeros(2, dtype: float64), tensor(0L)));

        Assert.Contains("Sample 0 came as (3) and ()", Refusal(shape));
        Assert.Contains("Sample 1 has the label 1", Refusal(label));
        Assert.Contains("Sample 0 came as Float64", Refusal(type));

        static string Refusal(Dataset data) => Assert.Throws<InvalidOperationException>(() => data.ToMemory()).Message;
    }

    [Fact]
    public void A_model_trains_on_a_stream_and_frees_what_it_read()
    {
        var target = TargetNetwork.Input(2).Linear(4).ReLU().Linear(2).Build();
        using var model = MappingNetwork.For(target).SingleLatent(4).Build();
        using var data = Numbers(12);
        new Trainer(model, new() { Epochs = 1, BatchSize = 4 }).Fit(data);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var report = new Trainer(model, new() { Epochs = 3, BatchSize = 4 }).Fit(data);

        Assert.Equal(9, report.Steps);
        Assert.True(DisposeScopeManager.Statistics.ThreadTotalLiveCount <= before);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_sample_that_is_not_finite_is_refused_by_number(float bad)
    {
        using var inputs = Dataset.FromSamples(5, [2], [], ["one"], number => (full([2], number == 3 ? bad : 1), tensor(0L)));
        using var labelled = Dataset.FromSamples(
            5, [2], [], ["one"], number => (full([2], number == 3 ? bad : 1), tensor(0L)), labels: [0, 0, 0, 0, 0]);
        using var targets = Dataset.FromSamples(5, [2], [1], [], number => (ones(2), full([1], number == 3 ? bad : 1)));

        foreach (var (data, what) in new[] { (inputs, "input"), (labelled, "input"), (targets, "target") })
            Assert.Contains(
                $"Sample 3 has a number that is not finite in its {what}",
                Assert.Throws<InvalidOperationException>(() => data.ToMemory()).Message);
    }

    [Fact]
    public async Task The_function_is_called_once_at_a_time_whichever_parts_ask_it()
    {
        using var started = new ManualResetEventSlim();
        using var second = new ManualResetEventSlim();
        var inside = 0;
        var most = 0;
        using var data = Dataset.FromSamples(8, [2], [], ["one"], _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            if (most > 1)
                second.Set();
            started.Set();
            // Long enough for another call to come, were it let in.
            second.Wait(TimeSpan.FromMilliseconds(200));
            Interlocked.Decrement(ref inside);
            return (ones(2), tensor(0L));
        });
        var (training, held) = data.SplitHoldOut(1, seed: 1);
        using var of = held;
        using var rest = training.Take(1);

        var other = Task.Run(() => rest.ToMemory().Dispose());
        started.Wait();
        held.ToMemory().Dispose();
        await other;
        training.Dispose();

        Assert.Equal(1, most);
    }
}
