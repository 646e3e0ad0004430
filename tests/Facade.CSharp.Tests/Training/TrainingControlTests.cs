using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Optimisers, clipping, accumulation, averages and callbacks: what a user sets, the run does.</summary>
public sealed class TrainingControlTests
{
    private static readonly TrainingOptions Options = new() { Epochs = 4, BatchSize = 16, Seed = 3 };

    /// <summary>A run of a small direct model, its state at the end.</summary>
    private static float[] Run(TrainingOptions options, Action<Model>? after = null, TaskLoss? loss = null)
    {
        using var data = Small.Classes(40);
        using var model = DirectModel.For(Small.Classifier(), seed: 7);
        new Trainer(model, options with { TaskLoss = loss ?? options.TaskLoss }).Fit(data);
        after?.Invoke(model);
        return Small.State(model);
    }

    /// <summary>The same by a loop over TorchSharp's own parts.</summary>
    private static float[] Loop(
        int epochs,
        int batchSize,
        Func<IReadOnlyList<Parameter>, optim.Optimizer> build,
        Func<optim.Optimizer, optim.lr_scheduler.LRScheduler>? schedule = null,
        Action<IReadOnlyList<Parameter>>? clip = null,
        Tensor? classWeights = null)
    {
        using var data = Small.Classes(40);
        using var model = DirectModel.For(Small.Classifier(), seed: 7);
        using var optimizer = build(model.Trainables);
        var scheduler = schedule?.Invoke(optimizer);
        for (var (epoch, step) = (1, 0); epoch <= epochs; epoch++)
            foreach (var (inputs, labels) in data.Batches(batchSize, 3, epoch))
                using (NewDisposeScope())
                {
                    if (step++ > 0)
                        scheduler?.step();
                    optimizer.zero_grad();
                    var outputs = model.Target.Forward(inputs, model.CurrentWeights(), model.State, training: true);
                    nn.functional.cross_entropy(outputs, labels, classWeights).backward();
                    clip?.Invoke(model.Trainables);
                    optimizer.step();
                }

        return Small.State(model);
    }

    [Fact]
    public void A_loop_of_ones_own_with_TorchSharps_parts_gives_the_trainers_bits()
    {
        using var weights = tensor([1f, 3, 0.5f]);

        var trained = Run(Options with
        {
            Optimizer = TrainingOptimizer.AdamW,
            LearningRate = 0.02,
            WeightDecay = 0.05,
            Schedule = LearningRateSchedule.OneCycle(),
            ClipGradientNorm = 0.5,
            TaskLoss = TaskLoss.CrossEntropy([1, 3, 0.5]),
        });

        Assert.Equal(
            Loop(
                4, 16,
                parameters => optim.AdamW(parameters, 0.02, weight_decay: 0.05),
                optimizer => optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps: 12),
                parameters => nn.utils.clip_grad_norm_(parameters, 0.5),
                weights),
            trained);
    }

    [Fact]
    public void Each_optimiser_takes_TorchSharps_steps()
    {
        var constant = Options with { Schedule = LearningRateSchedule.Constant, LearningRate = 0.05, WeightDecay = 0.1 };

        Assert.Equal(
            Loop(4, 16, parameters => optim.SGD(parameters, 0.05, 0.8, weight_decay: 0.1, nesterov: true)),
            Run(constant with { Optimizer = TrainingOptimizer.Sgd(0.8, nesterov: true) }));
        Assert.Equal(
            Loop(4, 16, parameters => optim.Adam(parameters, 0.05, 0.8, 0.95, weight_decay: 0.1)),
            Run(constant with { Optimizer = TrainingOptimizer.Adam.WithBetas(0.8, 0.95) }));
        Assert.Equal(
            Loop(4, 16, parameters => optim.AdamW(parameters, 0.05, weight_decay: 0.01)),
            Run(constant with { Optimizer = TrainingOptimizer.AdamW, WeightDecay = null }));
        Assert.Equal(
            Loop(4, 16, parameters => optim.RMSProp(parameters, 0.01)),
            Run(Options with { Schedule = LearningRateSchedule.Constant, Optimizer = TrainingOptimizer.Of("rms", parameters => optim.RMSProp(parameters, 0.01)) }));
        Assert.Equal(
            Loop(4, 16, parameters => optim.SGD(parameters, 0.05), clip: parameters => nn.utils.clip_grad_value_(parameters, 0.01)),
            Run(Options with
            {
                Schedule = LearningRateSchedule.Constant,
                LearningRate = 0.05,
                Optimizer = TrainingOptimizer.Sgd(0),
                ClipGradientValue = 0.01,
            }));
    }

    [Fact]
    public void Weight_decay_pulls_the_latent_and_no_coefficient_of_the_loss()
    {
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        using var loss = new StepLoss(model, new() { Loss = LossOptions.Complete });
        var options = new TrainingOptions { Optimizer = TrainingOptimizer.AdamW, LearningRate = 0.1, WeightDecay = 0.5 };
        var parameters = TrainingRun.OptimisedParameters(model, loss);
        using var optimizer = options.Optimizer.Build(model, parameters, loss.Raw, options);
        using (no_grad())
            foreach (var parameter in parameters)
            {
                parameter.fill_(2);
                parameter.grad = zeros_like(parameter);
            }

        optimizer.Step();

        Assert.All(Small.State(model), number => Assert.Equal(1.9f, number, 5));
        Assert.All(Small.Values(loss.Raw!), number => Assert.Equal(2, number));
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("mapped")]
    [InlineData("mapped, all terms but noise")]
    public void A_step_of_several_batches_is_the_step_of_one_of_all_their_samples(string kind)
    {
        float[] Train(int batchSize, int batches, out TrainingReport report)
        {
            using var data = Small.Classes(44);
            using Model model = kind == "direct" ? DirectModel.For(Small.Classifier(), seed: 7) : Small.Lwt();
            var options = Options with
            {
                BatchSize = batchSize,
                GradientAccumulation = batches,
                Optimizer = TrainingOptimizer.Sgd(0),
                LearningRate = 0.05,
                Loss = kind.Contains("terms")
                    ? LossOptions.TaskOnly.WithSmoothness(LossCoefficient.Fixed(1e-3)).WithAlignment(LossCoefficient.Bounded(0.1))
                    : LossOptions.TaskOnly,
            };
            report = new Trainer(model, options).Fit(data);
            return Small.State(model);
        }

        // 44 samples: steps of 16, 16 and 12; the last has batches of 8 and 4, or of 5, 5 and 2.
        var whole = Train(16, 1, out var one);
        var halves = Train(8, 2, out var two);

        Assert.Equal((12L, 12L), (one.Steps, two.Steps));
        Assert.Equal(whole.Length, halves.Length);
        foreach (var (expected, actual) in whole.Zip(halves))
            Assert.Equal(expected, actual, 5);
        foreach (var (expected, actual) in one.History.Zip(two.History))
        {
            Assert.Equal(expected.TrainingLoss, actual.TrainingLoss, 5);
            Assert.Equal(expected.TrainingAccuracy, actual.TrainingAccuracy);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_average_of_the_steps_is_evaluated_and_ends_the_run_where_that_is_asked_for(bool exponential)
    {
        using var data = Small.Classes(40);
        using var validation = Small.Classes(40, seed: 8);
        var states = new List<float[]>();
        var options = Options with
        {
            Epochs = 3,
            LearningRate = 0.3,
            Schedule = LearningRateSchedule.Constant,
            AverageDecay = exponential ? 0.75 : null,
            AverageLastEpochs = exponential ? null : 2,
        };
        using var model = Small.Slvt();
        var report = new Trainer(model, options with
        {
            OnStep = _ =>
            {
                states.Add(Small.State(model));
                return TrainingSignal.Continue;
            },
        }).Fit(data, validation);
        using var averaged = Small.Slvt();
        var other = new Trainer(averaged, options with { RestoreAverage = true }).Fit(data, validation);

        var expected = new double[24];
        var count = 0;
        foreach (var state in exponential ? states : states.Skip(3))
        {
            count++;
            var weight = exponential ? Math.Max(0.25, 1.0 / count) : 1.0 / count;
            for (var place = 0; place < 24; place++)
                expected[place] += weight * (state[place] - expected[place]);
        }

        Assert.Equal(states[^1], Small.State(model));
        foreach (var (wanted, number) in expected.Zip(Small.State(averaged)))
            Assert.Equal(wanted, number, 5);
        Assert.Equal(report.History.Select(epoch => epoch.ValidationLoss), other.History.Select(epoch => epoch.ValidationLoss));
        Assert.Equal(exponential ? 0 : 1, report.History.Count(epoch => epoch.AveragedValidation is null));
        Assert.Equal(report.History[^1].AveragedValidation!.Loss, Evaluation.Of(averaged, validation).Loss);
        Assert.NotEqual(report.History[^1].AveragedValidation!.Loss, report.History[^1].ValidationLoss);
    }

    [Fact]
    public void A_callback_ends_the_run_after_a_step_with_the_report_of_what_was_done()
    {
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var heard = new List<(int, int)>();
        float[] last = [];

        var report = new Trainer(model, Options with
        {
            OnStep = progress =>
            {
                heard.Add((progress.Epoch, progress.Step));
                last = Small.State(model);
                return progress is { Epoch: 2, Step: 2 } ? TrainingSignal.Stop : TrainingSignal.Continue;
            },
        }).Fit(data, data);

        Assert.Equal([(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)], heard);
        Assert.Equal((5L, true, 2), (report.Steps, report.StoppedEarly, report.History.Count));
        Assert.Equal(last, Small.State(model));
        Assert.Equal(Evaluation.Of(model, data).Loss, report.History[^1].ValidationLoss);
        // The mean over the 32 samples that were trained.
        Assert.InRange(report.History[^1].TrainingLoss, 0.3, 1.2);
        Assert.Contains("stopped early", report.ToString());
    }

    [Fact]
    public void A_callback_ends_the_run_after_an_epoch()
    {
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var heard = new List<EpochResult>();

        var report = new Trainer(model, Options with
        {
            OnEpoch = progress =>
            {
                heard.Add(progress.CompletedEpoch!);
                return heard.Count == 3 ? TrainingSignal.Stop : TrainingSignal.Continue;
            },
        }).Fit(data);

        Assert.Equal((9L, true), (report.Steps, report.StoppedEarly));
        Assert.Equal(report.History, heard);
        // One that stops at the very end stops nothing early.
        Assert.False(new Trainer(model, Options with { OnEpoch = progress => progress.Epoch == 4 ? TrainingSignal.Stop : TrainingSignal.Continue })
            .Fit(data).StoppedEarly);
    }

    [Fact]
    public void Reports_print_what_a_reader_wants_to_know()
    {
        using var data = Small.Classes(40);
        using var model = Small.Slvt();

        var report = new Trainer(model, Options with { LearningRate = 1.5, Loss = LossOptions.Complete, AverageDecay = 0.9, Metrics = [Metric.F1()] })
            .Fit(data, data);

        var lines = report.ToString().Split(Environment.NewLine);
        Assert.StartsWith("4 epochs, 12 steps, loss: cross-entropy; median step ", lines[0]);
        Assert.Equal($"last {report.History[^1]}", lines[^1]);
        if (report.BestEpoch < 4)
            Assert.Equal($"best {report.History[report.BestEpoch - 1]}", lines[1]);
        Assert.Matches(
            @"^epoch 4: training loss [\d.]+, accuracy \d+\.\d\d%, F1 [\d.]+; validation loss [\d.]+, accuracy [\d.]+%, F1 [\d.]+; averaged loss [\d.]+, accuracy [\d.]+%, F1 [\d.]+; stability [\d.]+, smoothness [\d.]+, alignment [\d.]+; [\d.]+ s$",
            report.History[^1].ToString());
    }

    [Fact]
    public void Progress_has_the_loss_of_each_step_the_last_of_an_epoch_among_them()
    {
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var losses = new List<double>();
        var heard = new Listener();
        TrainingSignal Listen(TrainingProgress progress)
        {
            losses.Add(progress.Loss);
            return TrainingSignal.Continue;
        }

        new Trainer(model, Options with { OnStep = Listen, OnEpoch = progress => { losses.Add(progress.Loss); return TrainingSignal.Continue; } })
            .Fit(data, progress: heard);

        // Three steps an epoch, and the epoch's call after the third, with that step's loss again.
        var steps = losses.Where((_, index) => index % 4 != 3).ToArray();
        Assert.Equal(steps, heard.Heard.Select(progress => progress.Loss));
        Assert.Equal(losses.Where((_, index) => index % 4 == 2), losses.Where((_, index) => index % 4 == 3));
    }
}
