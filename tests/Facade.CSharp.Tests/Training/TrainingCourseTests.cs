using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>How a run goes from step to step: rates, reports, the best epoch, stopping.</summary>
public sealed class TrainingCourseTests
{
    [Fact]
    public void The_learning_rate_falls_along_half_a_cosine_by_default()
    {
        using var data = Small.Classes(20);
        using var model = Small.Slvt();
        var heard = new Listener();

        new Trainer(model, new() { Epochs = 4, BatchSize = 4, LearningRate = 0.2 }).Fit(data, progress: heard);

        Assert.Equal(20, heard.Heard.Count);
        for (var step = 0; step < 20; step++)
            Assert.Equal(0.1 * (1 + Math.Cos(Math.PI * step / 20)), heard.Heard[step].LearningRate, 12);
    }

    [Theory]
    [InlineData("Cosine")]
    [InlineData("Constant")]
    public void The_optimiser_moves_by_the_rate_that_is_reported(string name)
    {
        var schedule = new[] { LearningRateSchedule.Cosine, LearningRateSchedule.Constant }.Single(one => one.Name == name);
        using var data = Small.Classes(4);
        using var model = Small.Slvt();
        var last = Small.State(model);
        var moves = new List<double>();
        var heard = new Listener(_ =>
        {
            var now = Small.State(model);
            moves.Add(now.Zip(last, (after, before) => Math.Abs(after - before)).Max());
            last = now;
        });

        // One batch an epoch: the gradient changes slowly, and Adam then moves the most moved number by about the rate.
        new Trainer(model, new() { Epochs = 40, LearningRate = 1e-3, Schedule = schedule }).Fit(data, progress: heard);

        foreach (var (move, progress) in moves.Zip(heard.Heard))
            Assert.InRange(move, 0.5 * progress.LearningRate, 2 * progress.LearningRate);
        Assert.Equal(schedule == LearningRateSchedule.Constant, heard.Heard[^1].LearningRate == 1e-3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_a_rate_the_models_own_is_taken(bool mapped)
    {
        using var data = Small.Classes(8);
        using Model model = mapped ? Small.Slvt() : DirectModel.For(Small.Classifier());
        var heard = new Listener();

        new Trainer(model, new() { Epochs = 1 }).Fit(data, progress: heard);

        Assert.Equal(mapped ? 0.05 : 2e-3, model.DefaultLearningRate);
        Assert.Equal(model.DefaultLearningRate, heard.Heard[0].LearningRate);
    }

    [Fact]
    public void Progress_is_told_of_every_step_in_order_and_of_each_epochs_results()
    {
        using var data = Small.Classes(50);
        using var model = Small.Slvt();
        var heard = new Listener();

        var report = new Trainer(model, new() { Epochs = 3, BatchSize = 20 }).Fit(data, progress: heard);

        Assert.Equal(
            from epoch in Enumerable.Range(1, 3) from step in Enumerable.Range(1, 3) select (epoch, step),
            heard.Heard.Select(progress => (progress.Epoch, progress.Step)));
        Assert.All(heard.Heard, progress => Assert.Equal((3, 3), (progress.Epochs, progress.StepsPerEpoch)));
        Assert.Equal(heard.Heard.Select(progress => progress.Fraction).Order(), heard.Heard.Select(progress => progress.Fraction));
        Assert.Equal(1, heard.Heard[^1].Fraction);
        Assert.All(heard.Heard, progress => Assert.Equal(progress.Step == 3, progress.CompletedEpoch is not null));
        Assert.Equal(report.History, heard.Heard.Select(progress => progress.CompletedEpoch).OfType<EpochResult>());
        Assert.All(report.History, epoch => Assert.Empty(epoch.Terms));
    }

    [Fact]
    public void Weights_taken_while_training_stay_with_whoever_took_them()
    {
        using var data = Small.Classes(30);
        using var model = Small.Slvt();
        var taken = new List<Tensor>();

        new Trainer(model, new() { Epochs = 1, BatchSize = 10 }).Fit(data, progress: new Listener(_ => taken.Add(model.FlatWeights())));

        Assert.Equal(3, taken.Select(weights => string.Join(" ", Small.Bits(weights))).Distinct().Count());
        taken.ForEach(weights => weights.Dispose());
    }

    [Fact]
    public void Restoring_the_best_ends_with_the_state_of_the_best_epoch()
    {
        using var data = Small.Classes(40);
        using var validation = Small.Classes(40, seed: 8);
        using var model = Small.Slvt();
        var states = new List<float[]>();
        var heard = new Listener(progress =>
        {
            if (progress.CompletedEpoch is not null)
                states.Add(Small.State(model));
        });
        var options = new TrainingOptions
        {
            // So large a rate that the result jumps up and down.
            Epochs = 12,
            BatchSize = 8,
            LearningRate = 1.5,
            Schedule = LearningRateSchedule.Constant,
            RestoreBest = true,
        };

        var report = new Trainer(model, options).Fit(data, validation, heard);

        var best = report.History.MaxBy(epoch => epoch.ValidationAccuracy)!;
        Assert.Equal(best.Epoch, report.BestEpoch);
        Assert.NotEqual(12, report.BestEpoch);
        Assert.Equal(states[report.BestEpoch - 1], Small.State(model));
        Assert.NotEqual(states[^1], Small.State(model));
        Assert.Equal(best.ValidationAccuracy, Evaluation.Of(model, validation).Accuracy);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Early_stopping_ends_after_so_many_epochs_without_a_better_result(int patience)
    {
        using var data = Small.Classes(40);
        using var validation = Small.Classes(40, seed: 8);
        using var model = Small.Slvt();
        var options = new TrainingOptions { Epochs = 200, BatchSize = 40, EarlyStoppingPatience = patience };

        var report = new Trainer(model, options).Fit(data, validation);

        Assert.True(report.StoppedEarly);
        Assert.Equal(report.BestEpoch + patience, report.History.Count);
        var best = report.History[report.BestEpoch - 1].ValidationAccuracy;
        Assert.All(report.History.Take(report.BestEpoch - 1), epoch => Assert.True(epoch.ValidationAccuracy < best));
        Assert.All(report.History.Skip(report.BestEpoch), epoch => Assert.True(epoch.ValidationAccuracy <= best));
    }

    [Fact]
    public void A_run_that_goes_to_its_end_did_not_stop_early()
    {
        using var data = Small.Classes(20);
        using var model = Small.Slvt();

        var report = new Trainer(model, new() { Epochs = 2, EarlyStoppingPatience = 2, ValidationFraction = 0.5 }).Fit(data);

        Assert.False(report.StoppedEarly);
        Assert.Equal(2, report.History.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancellation_between_steps_leaves_the_state_of_the_last_finished_step(bool elsewhere)
    {
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        using var source = new CancellationTokenSource();
        float[] atCancellation = [];
        var heard = new Listener(progress =>
        {
            if (progress is { Epoch: 2, Step: 2 })
            {
                atCancellation = Small.State(model);
                source.Cancel();
            }
        });
        var trainer = new Trainer(model, new() { Epochs = 100, BatchSize = 10, Loss = LossOptions.Complete });

        if (elsewhere)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => trainer.FitAsync(data, null, heard, source.Token));
        else
            Assert.ThrowsAny<OperationCanceledException>(() => trainer.Fit(data, null, heard, source.Token));

        Assert.Equal((2, 2), (heard.Heard[^1].Epoch, heard.Heard[^1].Step));
        Assert.Equal(atCancellation, Small.State(model));
        Assert.Equal(3, model.Coefficients.Count);
        Assert.NotNull(Evaluation.Of(model, data).Accuracy);
        Assert.Equal(4, trainer.Fit(data, progress: new Listener()).Steps / 100);
    }

    [Fact]
    public async Task On_another_thread_it_does_the_same()
    {
        using var data = Small.Classes();
        using var here = Small.Slvt();
        using var there = Small.Slvt();
        var options = new TrainingOptions { Epochs = 2, BatchSize = 16 };

        var report = new Trainer(here, options).Fit(data);
        var other = await new Trainer(there, options).FitAsync(data);

        Assert.Equal(Small.State(here), Small.State(there));
        Assert.Equal(report.History.Select(epoch => epoch.TrainingLoss), other.History.Select(epoch => epoch.TrainingLoss));
    }

    [Fact]
    public void An_evaluation_can_be_cancelled()
    {
        using var data = Small.Classes(10);
        using var model = Small.Slvt();

        Assert.ThrowsAny<OperationCanceledException>(() => Evaluation.Of(model, data, 1, new CancellationToken(canceled: true)));
    }
}
