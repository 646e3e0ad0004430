using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class BatchesAheadTests
{
    private const int Count = 37;

    private static readonly TargetNetwork Network = TargetNetwork.Input(1, 6, 6).Flatten().Linear(2).Build("small");

    private static (Tensor, Tensor) Sample(int number) => (full([1, 6, 6], number % 5 / 5f), tensor((long)(number % 2)));

    private static Dataset Streamed(Func<int, (Tensor, Tensor)>? load = null) =>
        Dataset.FromSamples(Count, [1, 6, 6], [], ["even", "odd"], load ?? Sample);

    private static float[] Trained(Dataset data, int ahead, int accumulation = 1, Func<TrainingProgress, TrainingSignal>? onStep = null)
    {
        using var model = MappingNetwork.For(Network).SingleLatent(16).WithSeed(3).Build();
        new Trainer(model, new() { Epochs = 3, BatchSize = 8, GradientAccumulation = accumulation, Seed = 2, LoadAhead = ahead, OnStep = onStep }).Fit(data);
        using var latent = model.Trainables[0].clone();
        return latent.data<float>().ToArray();
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(50, 1)]
    [InlineData(3, 2)]
    public void Bits_are_the_same_however_many_batches_are_made_ahead(int ahead, int accumulation)
    {
        using var scope = NewDisposeScope();
        using var data = Streamed();
        using var changing = data.Augmented(Augmentation.None.Shift(1).FlipHorizontally(), seed: 4);

        Assert.Equal(Trained(data, 0, accumulation), Trained(data, ahead, accumulation));
        Assert.Equal(Trained(changing, 0, accumulation), Trained(changing, ahead, accumulation));
        Assert.Equal(Trained(changing, 0, accumulation), Trained(changing.ToMemory(), ahead, accumulation));
    }

    [Fact]
    public void Samples_are_made_on_another_thread_one_at_a_time_and_no_further_ahead_than_asked()
    {
        var trainer = Environment.CurrentManagedThreadId;
        var (running, atOnce, made, elsewhere, farthest) = (0, 0, 0, 0, 0);
        using var data = Streamed(number =>
        {
            atOnce = Math.Max(atOnce, Interlocked.Increment(ref running));
            if (Environment.CurrentManagedThreadId != trainer)
                elsewhere++;
            Interlocked.Increment(ref made);
            var sample = Sample(number);
            Interlocked.Decrement(ref running);
            return sample;
        });

        Trained(data, 2, onStep: progress =>
        {
            // 5 steps an epoch, the last of 5 samples. Of the first batch all are made by the trainer itself.
            var taken = ((progress.Epoch - 1) * Count) + Math.Min(progress.Step * 8, Count);
            // On a busy machine no batch might be begun before the trainer wants it: the first is waited for.
            if (progress is { Epoch: 1, Step: 1 })
                SpinWait.SpinUntil(() => Volatile.Read(ref made) > taken, TimeSpan.FromSeconds(30));
            farthest = Math.Max(farthest, Volatile.Read(ref made) - taken);
            return TrainingSignal.Continue;
        });

        Assert.Equal(1, atOnce);
        Assert.Equal(3 * Count, made);
        // A batch that the trainer must wait for before it is begun is made by the trainer.
        Assert.InRange(elsewhere, 1, (3 * Count) - 8);
        Assert.InRange(farthest, 0, 16);
    }

    [Fact]
    public void A_fault_in_a_sample_ends_the_run_at_the_step_that_needs_it()
    {
        using var data = Streamed(number => number == 30 ? throw new IOException("sample 30 is gone") : Sample(number));
        var steps = new List<int>();
        foreach (var ahead in new[] { 0, 4 })
        {
            var done = 0;
            var fault = Assert.Throws<IOException>(() => Trained(data, ahead, onStep: _ =>
            {
                done++;
                return TrainingSignal.Continue;
            }));
            Assert.Equal("sample 30 is gone", fault.Message);
            steps.Add(done);
        }

        Assert.Equal(steps[0], steps[1]);
    }

    [Fact]
    public void Teachers_outputs_do_not_go_with_changed_samples()
    {
        using var data = Streamed();
        using var changing = data.Augmented(Augmentation.None.FlipHorizontally());
        using var teacher = DirectModel.For(Network, seed: 1);
        using var model = MappingNetwork.For(Network).SingleLatent(16).WithSeed(3).Build();
        Assert.Throws<ArgumentException>("Distillation", () => new Trainer(model, new() { Distillation = new([teacher]) }).Fit(changing));
        Assert.Throws<ArgumentOutOfRangeException>("LoadAhead", () => new Trainer(model, new() { LoadAhead = -1 }).Fit(data));
    }
}
