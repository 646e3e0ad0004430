using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.optim;

namespace MappingNets.Tests;

/// <summary>Learning rates as they are reported, against TorchSharp's schedulers and formulas.</summary>
public sealed class ScheduleTests
{
    private static double[] Rates(LearningRateSchedule schedule, int epochs = 4, TrainingOptions? options = null, double? rate = 0.2)
    {
        using var data = Small.Classes(20);
        using var model = Small.Slvt();
        var rates = new List<double>();
        new Trainer(model, (options ?? new()) with
        {
            Epochs = epochs,
            BatchSize = 4,
            LearningRate = rate,
            Schedule = schedule,
            OnStep = progress =>
            {
                rates.Add(progress.LearningRate);
                return TrainingSignal.Continue;
            },
        }).Fit(data, data);
        return [.. rates];
    }

    [Theory]
    [InlineData(4, 0.3, 25, 1e4)]
    [InlineData(7, 0.45, 10, 100)]
    public void One_cycle_has_TorchSharps_rates_and_momentum(int epochs, double rising, double start, double end)
    {
        var steps = 5 * epochs;
        using var parameter = new Parameter(zeros(1));
        using var adam = optim.AdamW([parameter], 0.2);
        var scheduler = lr_scheduler.OneCycleLR(adam, 0.2, total_steps: steps, pct_start: rising, div_factor: start, final_div_factor: end);
        var expected = new List<(double, double)>();
        for (var step = 0; step < steps; step++)
        {
            if (step > 0)
                scheduler.step();
            var group = (AdamW.ParamGroup)adam.ParamGroups.Single();
            expected.Add((group.LearningRate, group.Betas.Item1));
        }

        using var other = new Parameter(zeros(1));
        using var ours = optim.AdamW([other], 0.2);
        var rates = LearningRateSchedule.OneCycle(rising, start, end).Start(ours, steps);
        var actual = new List<(double, double)>();
        for (var step = 0; step < steps; step++)
        {
            rates.BeforeStep(step);
            var group = (AdamW.ParamGroup)ours.ParamGroups.Single();
            actual.Add((group.LearningRate, group.Betas.Item1));
        }

        Assert.Equal(expected, actual);
        Assert.Equal(expected.Select(pair => pair.Item1), Rates(LearningRateSchedule.OneCycle(rising, start, end), epochs));
    }

    [Fact]
    public void A_warm_up_rises_in_a_straight_line_and_the_rest_follows_from_its_own_start()
    {
        var rates = Rates(LearningRateSchedule.WarmUp(8, LearningRateSchedule.Cosine));

        for (var step = 0; step < 20; step++)
            Assert.Equal(step < 8 ? 0.2 * (step + 1) / 8 : 0.1 * (1 + Math.Cos(Math.PI * (step - 8) / 12)), rates[step], 12);
    }

    [Fact]
    public void A_schedule_of_epochs_counts_them_from_the_end_of_its_warm_up()
    {
        var rates = Rates(LearningRateSchedule.WarmUp(
            8, LearningRateSchedule.Of("epoch", optimizer => lr_scheduler.StepLR(optimizer, 2, 0.5), perEpoch: true)), epochs: 5);

        // Epochs have five steps: those that end after step 10, 15 and 20 count.
        for (var step = 0; step < 25; step++)
            Assert.Equal(step < 8 ? 0.2 * (step + 1) / 8 : step < 15 ? 0.2 : 0.1, rates[step], 12);
    }

    [Fact]
    public void A_plateau_cuts_the_rate_after_epochs_without_gain()
    {
        // At such a rate nothing moves, so that no epoch is better than the first by the threshold.
        var rates = Rates(LearningRateSchedule.Plateau(factor: 0.5, patience: 1, threshold: 0.1), epochs: 6, rate: 1e-7);

        for (var step = 0; step < 30; step++)
            Assert.Equal(1e-7 * (step / 5 < 3 ? 1 : step / 5 < 5 ? 0.5 : 0.25), rates[step], 15);
    }

    [Fact]
    public void Any_scheduler_of_TorchSharps_steps_after_steps_or_epochs()
    {
        var perStep = Rates(LearningRateSchedule.Of("step", optimizer => lr_scheduler.StepLR(optimizer, 3, 0.5)));
        var perEpoch = Rates(LearningRateSchedule.Of("epoch", optimizer => lr_scheduler.StepLR(optimizer, 2, 0.5), perEpoch: true));
        var length = Rates(LearningRateSchedule.Of("length", (optimizer, steps) => lr_scheduler.LambdaLR(optimizer, step => 1 - ((double)step / steps))));

        for (var step = 0; step < 20; step++)
        {
            Assert.Equal(0.2 * Math.Pow(0.5, step / 3), perStep[step], 12);
            Assert.Equal(0.2 * Math.Pow(0.5, step / 5 / 2), perEpoch[step], 12);
            Assert.Equal(0.2 * (1 - (step / 20.0)), length[step], 12);
        }
    }

    [Fact]
    public void An_optimiser_of_ones_own_keeps_its_groups_rates_apart()
    {
        using var data = Small.Classes(20);
        using var model = DirectModel.For(Small.Classifier());
        Optimizer? built = null;
        var seen = new List<(double, double)>();
        var options = new TrainingOptions
        {
            Epochs = 2,
            BatchSize = 10,
            Optimizer = TrainingOptimizer.Of("two groups", parameters =>
                built = new SGD([new SGD.ParamGroup(parameters.Take(2), 0.1), new SGD.ParamGroup(parameters.Skip(2), 0.01)], 0.1)),
            OnStep = _ =>
            {
                var rates = built!.ParamGroups.Select(group => group.LearningRate).ToArray();
                seen.Add((rates[0], rates[1]));
                return TrainingSignal.Continue;
            },
        };

        new Trainer(model, options).Fit(data);

        for (var step = 0; step < 4; step++)
        {
            var factor = 0.5 * (1 + Math.Cos(Math.PI * step / 4));
            Assert.Equal(0.1 * factor, seen[step].Item1, 12);
            Assert.Equal(0.01 * factor, seen[step].Item2, 12);
        }
    }

    [Fact]
    public void What_misfits_is_refused_by_name()
    {
        void Refused(string message, LearningRateSchedule schedule, TrainingOptions? options = null, double? rate = 0.2) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>("Schedule", () => Rates(schedule, 1, options, rate)).Message);

        var own = new TrainingOptions { Optimizer = TrainingOptimizer.Of("adagrad", parameters => optim.Adagrad(parameters)) };
        Refused("The warm-up takes 5 steps; the run has 5", LearningRateSchedule.WarmUp(5, LearningRateSchedule.Constant));
        Refused("one cycle needs more", LearningRateSchedule.OneCycle(rising: 0.1));
        Refused("no momentum", LearningRateSchedule.OneCycle(rising: 0.5), own, null);
        Refused("no momentum", LearningRateSchedule.OneCycle(rising: 0.5), new() { Optimizer = TrainingOptimizer.FullMatrix });
        Refused("builds null", LearningRateSchedule.Of("none", _ => null!));
        Refused("set perEpoch", LearningRateSchedule.Of("judge", optimizer => lr_scheduler.ReduceLROnPlateau(optimizer)));
        Assert.Equal(5, Rates(LearningRateSchedule.OneCycle(rising: 0.5, cycleMomentum: false), 1, new() { Optimizer = TrainingOptimizer.FullMatrix }).Length);
        Assert.Throws<ArgumentOutOfRangeException>("rising", () => LearningRateSchedule.OneCycle(rising: 1));
        Assert.Throws<ArgumentOutOfRangeException>("endDivisor", () => LearningRateSchedule.OneCycle(endDivisor: 0.5));
        Assert.Throws<ArgumentOutOfRangeException>("factor", () => LearningRateSchedule.Plateau(factor: 1));
        Assert.Throws<ArgumentOutOfRangeException>("patience", () => LearningRateSchedule.Plateau(patience: -1));
        Assert.Throws<ArgumentOutOfRangeException>("threshold", () => LearningRateSchedule.Plateau(threshold: -1));
        Assert.Throws<ArgumentOutOfRangeException>("steps", () => LearningRateSchedule.WarmUp(0, LearningRateSchedule.Constant));
        Assert.Throws<ArgumentException>("name", () => LearningRateSchedule.Of(" ", _ => null!));
        Assert.Throws<ArgumentException>("name", () => TrainingOptimizer.Of(" ", _ => null!));
        Assert.Throws<ArgumentOutOfRangeException>("momentum", () => TrainingOptimizer.Sgd(1));
        Assert.Throws<ArgumentException>("nesterov", () => TrainingOptimizer.Sgd(0, nesterov: true));
        Assert.Throws<ArgumentOutOfRangeException>("first", () => TrainingOptimizer.Adam.WithBetas(1, 0.9));
        Assert.Throws<InvalidOperationException>(() => TrainingOptimizer.FullMatrix.WithBetas(0.9, 0.9));
    }
}
