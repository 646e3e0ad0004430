using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// Runs with a user's own parts, and runs that are extended.
public sealed partial class ResumeTests
{
    private static TrainingOptions With(string what) => what switch
    {
        "AdamW, clipped, warm-up" => Options with
        {
            Optimizer = TrainingOptimizer.AdamW,
            ClipGradientNorm = 0.3,
            ClipGradientValue = 0.1,
            Schedule = LearningRateSchedule.WarmUp(5, LearningRateSchedule.Cosine),
        },
        "SGD, one cycle" => Options with { Optimizer = TrainingOptimizer.Sgd(), LearningRate = 0.05, Schedule = LearningRateSchedule.OneCycle() },
        "plateau" => Options with { Schedule = LearningRateSchedule.Plateau(0.5, 0, 0.2) },
        "own scheduler" => Options with
        {
            Schedule = LearningRateSchedule.Of("own", optimizer => optim.lr_scheduler.ExponentialLR(optimizer, 0.9)),
        },
        "own optimiser" => Options with
        {
            LearningRate = null,
            Optimizer = TrainingOptimizer.Of("own", parameters => optim.RMSProp(parameters, 0.02, momentum: 0.5)),
        },
        "accumulation, average" => Options with { GradientAccumulation = 2, BatchSize = 6, AverageDecay = 0.8 },
        "average at the end" => Options with { EarlyStoppingPatience = null, RestoreBest = false, AverageLastEpochs = 3, RestoreAverage = true },
        "own loss, metrics" => Options with
        {
            TaskLoss = new("own", (outputs, labels) => nn.functional.cross_entropy(outputs, labels)),
            Metrics = [Metric.TopK(2)],
            SelectBy = Metric.F1(),
        },
        _ => throw new InvalidOperationException(what),
    };

    private static string Averages(TrainingReport report) => string.Join(' ', report.History.Select(epoch => FormattableString.Invariant(
        $"{epoch.AveragedValidation?.Loss:R} {string.Join(' ', epoch.ValidationMetrics.Select(pair => FormattableString.Invariant($"{pair.Key} {pair.Value:R}")))}")));

    [Theory]
    [InlineData("AdamW, clipped, warm-up")]
    [InlineData("SGD, one cycle")]
    [InlineData("plateau")]
    [InlineData("own scheduler")]
    [InlineData("own optimiser")]
    [InlineData("accumulation, average")]
    [InlineData("average at the end")]
    [InlineData("own loss, metrics")]
    public void An_interrupted_run_with_parts_of_ones_own_ends_with_the_bits_of_an_uninterrupted_one(string what)
    {
        var options = With(what);
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var whole = Small.Slvt();
        var first = new Trainer(whole, options).Fit(data, data);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", options, file, epoch: 2, step: 2);
        Interrupt("slvt", options, file, epoch: 5, step: 1);

        using var resumed = Small.Slvt();
        var report = new Trainer(resumed, options).Fit(data, data, resumeFile: file);

        Assert.Equal(Everything(whole, first), Everything(resumed, report));
        Assert.Equal(Averages(first), Averages(report));
    }

    [Theory]
    [InlineData("constant")]
    [InlineData("plateau")]
    [InlineData("own scheduler")]
    public void A_finished_run_is_extended_where_its_rates_do_not_depend_on_its_length(string what)
    {
        var options = (what == "constant" ? Options with { Schedule = LearningRateSchedule.Constant } : With(what))
            with
        { EarlyStoppingPatience = null, AverageDecay = 0.8 };
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var whole = Small.Slvt();
        var expected = new Trainer(whole, options).Fit(data, data);
        var file = folder.File("run.safetensors");
        using (var first = Small.Slvt())
            Assert.False(new Trainer(first, options with { Epochs = 3 }).Fit(data, data, resumeFile: file).StoppedEarly);

        using var extended = Small.Slvt();
        var report = new Trainer(extended, options).Fit(data, data, resumeFile: file);

        Assert.Equal(Everything(whole, expected), Everything(extended, report));
        Assert.Equal(Averages(expected), Averages(report));
        using var shorter = Small.Slvt();
        Assert.Contains("it has 6 finished epochs, and the number of epochs is 5 here", Assert.Throws<CheckpointFormatException>(
            () => new Trainer(shorter, options with { Epochs = 5 }).Fit(data, data, resumeFile: file)).Message);
    }

    [Fact]
    public void A_run_that_lost_its_patience_in_its_last_epoch_is_not_extended()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        // So small a rate moves nothing: only the first epoch is a gain.
        var options = Options with { Epochs = 3, EarlyStoppingPatience = 2, Schedule = LearningRateSchedule.Constant, LearningRate = 1e-30 };
        using var whole = Small.Slvt();
        var expected = new Trainer(whole, options with { Epochs = 6 }).Fit(data, data);
        using (var first = Small.Slvt())
            new Trainer(first, options).Fit(data, data, resumeFile: file);

        using var extended = Small.Slvt();
        var report = new Trainer(extended, options with { Epochs = 6 }).Fit(data, data, resumeFile: file);

        Assert.Equal((3, true), (expected.History.Count, expected.StoppedEarly));
        Assert.Equal(Everything(whole, expected), Everything(extended, report));
    }

    [Fact]
    public void A_run_whose_rates_depend_on_its_length_is_not_extended()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        void Refused(string message, TrainingOptions options)
        {
            var file = folder.File($"{Guid.NewGuid():N}");
            using var first = Small.Slvt();
            new Trainer(first, options).Fit(data, data, resumeFile: file);
            using var again = Small.Slvt();
            Assert.Contains(message, Assert.Throws<CheckpointFormatException>(
                () => new Trainer(again, options with { Epochs = 4 }).Fit(data, data, resumeFile: file)).Message);
            Assert.All(Small.State(again), number => Assert.Equal(0, number));
        }

        var options = Options with { Epochs = 3 };
        Refused("the number of epochs is 3 there and 4 here, and the schedule 'Cosine' runs over all of them", options);
        Refused("the schedule 'one cycle", options with { Schedule = LearningRateSchedule.OneCycle(cycleMomentum: false) });
        Refused("AverageLastEpochs counts from the last", options with
        {
            Schedule = LearningRateSchedule.Constant,
            EarlyStoppingPatience = null,
            AverageLastEpochs = 2,
        });
    }

    [Fact]
    public void What_a_callback_stopped_goes_on_after_its_last_whole_epoch()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var whole = Small.Slvt();
        var expected = new Trainer(whole, Options).Fit(data, data);
        var file = folder.File("run.safetensors");
        foreach (var (epoch, step) in new[] { (2, 2), (4, 4) })
        {
            using var stopped = Small.Slvt();
            TrainingSignal Stop(TrainingProgress progress) =>
                (progress.Epoch, progress.Step) == (epoch, step) ? TrainingSignal.Stop : TrainingSignal.Continue;
            Assert.True(new Trainer(stopped, Options with { OnStep = Stop }).Fit(data, data, resumeFile: file).StoppedEarly);
        }

        using var resumed = Small.Slvt();
        var heard = new Listener();
        var report = new Trainer(resumed, Options).Fit(data, data, heard, resumeFile: file);

        Assert.Equal((5, 1), (heard.Heard[0].Epoch, heard.Heard[0].Step));
        Assert.Equal(Everything(whole, expected), Everything(resumed, report));
    }

    [Fact]
    public void Every_option_tells_runs_apart_by_name()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", Options, file, epoch: 1, step: 4);
        void Refused(string what, TrainingOptions options)
        {
            using var model = Small.Slvt();
            var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, options).Fit(data, data, resumeFile: file));
            Assert.Contains($"'{file}' belongs to another run: the {what}", fault.Message);
        }

        Refused("optimizer is Adam there and Adam (betas 0.8 0.9) here", Options with { Optimizer = TrainingOptimizer.Adam.WithBetas(0.8, 0.9) });
        Refused("weight decay is 0 there and 0.1 here", Options with { WeightDecay = 0.1 });
        Refused("schedule is Cosine there and Constant here", Options with { Schedule = LearningRateSchedule.Constant });
        Refused("number of batches in a step is 1 there and 3 here", Options with { GradientAccumulation = 3 });
        Refused("largest gradient norm is none there and 1.5 here", Options with { ClipGradientNorm = 1.5 });
        Refused("largest gradient value is none there and 1 here", Options with { ClipGradientValue = 1 });
        Refused("average is none there and keeps 0.9 here", Options with { AverageDecay = 0.9 });
        Refused("task loss is the data's there and focal (gamma 2) here", Options with { TaskLoss = TaskLoss.Focal() });
        Refused("metrics is  there and top-2 here", Options with { Metrics = [Metric.TopK(2)] });
        Refused("metrics is  there and F1 here", Options with { SelectBy = Metric.F1() });
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void A_file_from_before_the_order_of_additions_changed_is_refused_by_name(string version)
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        SafetensorsFile.Write(
            file, [("x", zeros(1))], new Dictionary<string, string> { ["format"] = "mappingnets-run", ["format_version"] = version });
        using var model = Small.Slvt();

        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Options).Fit(data, data, resumeFile: file));

        Assert.Contains($"format version {version}; this library reads version 4", fault.Message);
        Assert.Contains("added in another order", fault.Message);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("{\"target\":\"TEXT\"}")]
    [InlineData("{\"target\":TEXT}")]
    public void A_refusal_quotes_little_of_the_file(string? settings)
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        Interrupt("slvt", Options, file, epoch: 2, step: 4);
        var text = new string('[', 2000);
        var tensors = new List<(string, Tensor)>();
        var metadata = new Dictionary<string, string>();
        using (var scope = NewDisposeScope())
        {
            using (var whole = SafetensorsFile.Read(file))
            {
                foreach (var entry in whole.Entries)
                    tensors.Add((entry.Name, whole.Load(entry.Name)));
                metadata = whole.Metadata.ToDictionary();
            }

            if (settings is null)
                metadata["format_version"] = text;
            else
                metadata["settings"] = settings.Replace("TEXT", text, StringComparison.Ordinal);
            SafetensorsFile.Write(file, tensors, metadata);
        }

        using var model = Small.Slvt();

        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Options).Fit(data, data, resumeFile: file));

        Assert.InRange(fault.Message.Length, 1, file.Length + 500);
    }

    [Fact]
    public void A_file_from_before_the_coefficients_were_balanced_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        SafetensorsFile.Write(
            file, [("x", zeros(1))], new Dictionary<string, string> { ["format"] = "mappingnets-run", ["format_version"] = "3" });
        using var model = Small.Slvt();

        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(model, Options).Fit(data, data, resumeFile: file));

        Assert.Contains("format version 3; this library reads version 4", fault.Message);
        Assert.Contains("coefficient", fault.Message);
    }

    [Fact]
    public void An_optimiser_that_cannot_be_written_down_is_refused_before_the_first_step()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var model = Small.Slvt();
        var options = Options with { LearningRate = null, Optimizer = TrainingOptimizer.Of("signs", parameters => new Signs(parameters)) };

        Assert.Contains("Signs cannot write down", Assert.Throws<NotSupportedException>(
            () => new Trainer(model, options).Fit(data, data, resumeFile: folder.File("run"))).Message);
        Assert.All(Small.State(model), number => Assert.Equal(0, number));
        // Without a file it trains.
        new Trainer(model, options).Fit(data, data);
        Assert.All(Small.State(model), number => Assert.NotEqual(0, number));
    }

    /// <summary>A user's own optimiser that keeps nothing.</summary>
    private sealed class Signs : optim.Optimizer
    {
        public Signs(IReadOnlyList<TorchSharp.Modules.Parameter> parameters)
            : base(IntPtr.Zero) =>
            _parameter_groups = [new() { Parameters = parameters, Options = new() { LearningRate = 0.01, InitialLearningRate = 0.01 } }];

        public override Tensor step(Func<Tensor>? closure = null)
        {
            using var noGradient = no_grad();
            foreach (var parameter in _parameter_groups[0].Parameters)
                if (parameter.grad is { } gradient)
                    parameter.sub_(gradient.sign().mul(_parameter_groups[0].LearningRate));
            return null!;
        }
    }
}
