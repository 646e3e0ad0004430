using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Ready-made losses against their formulas, and losses of one's own.</summary>
public sealed class TaskLossTests
{
    private static readonly double[] Weights = [1, 4, 0.5];

    private static (Tensor Outputs, Tensor Labels) Scores()
    {
        var outputs = arange(18, dtype: float32).mul(1.7f).sin().mul(3).reshape(6, 3).requires_grad_();
        return (outputs, tensor([0L, 2, 1, Dataset.IgnoredLabel, 1, 0]));
    }

    /// <summary>Log-probabilities of the judged labels, and those labels.</summary>
    private static (double[] Logs, long[] Labels) Judged(Tensor outputs, Tensor labels)
    {
        var rows = outputs.detach().to(float64).log_softmax(1);
        var numbers = labels.data<long>().ToArray();
        var judged = Enumerable.Range(0, numbers.Length).Where(row => numbers[row] >= 0).ToArray();
        return ([.. judged.Select(row => rows[row, numbers[row]].item<double>())], [.. judged.Select(row => numbers[row])]);
    }

    [Fact]
    public void Cross_entropy_weighs_classes_and_leaves_ignored_labels_out()
    {
        using var scope = NewDisposeScope();
        var (outputs, labels) = Scores();
        var (logs, judged) = Judged(outputs, labels);

        Assert.Equal(-logs.Average(), TaskLoss.CrossEntropy().Compute(outputs, labels).ToDouble(), 5);
        Assert.Equal(
            -logs.Zip(judged, (log, label) => Weights[label] * log).Sum() / judged.Sum(label => Weights[label]),
            TaskLoss.CrossEntropy(Weights).Compute(outputs, labels).ToDouble(), 5);
        // A label that the caller ignores counts as one that the library does.
        Assert.Equal(
            TaskLoss.CrossEntropy().Compute(outputs, labels.masked_fill(labels.eq(1), Dataset.IgnoredLabel)).ToDouble(),
            TaskLoss.CrossEntropy(ignoredLabel: 1).Compute(outputs, labels).ToDouble());
        Assert.Equal(
            nn.functional.cross_entropy(outputs, labels, label_smoothing: 0.2).ToDouble(),
            TaskLoss.CrossEntropy(labelSmoothing: 0.2).Compute(outputs, labels).ToDouble());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Focal_loss_is_its_formula_and_cross_entropy_where_gamma_is_0(double gamma)
    {
        using var scope = NewDisposeScope();
        var (outputs, labels) = Scores();
        var (logs, judged) = Judged(outputs, labels);
        var each = logs.Select(log => -Math.Pow(1 - Math.Exp(log), gamma) * log).ToArray();

        Assert.Equal(each.Average(), TaskLoss.Focal(gamma).Compute(outputs, labels).ToDouble(), 5);
        Assert.Equal(
            each.Zip(judged, (one, label) => Weights[label] * one).Sum() / judged.Sum(label => Weights[label]),
            TaskLoss.Focal(gamma, Weights).Compute(outputs, labels).ToDouble(), 5);
        TaskLoss.Focal(gamma, Weights).Compute(outputs, labels).backward();
        Assert.True(outputs.grad!.isfinite().all().item<bool>());
        Assert.Equal([0f, 0f, 0f], Small.Values(outputs.grad[3]));
    }

    [Fact]
    public void Certain_predictions_and_batches_without_a_label_keep_gradients_finite()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,] { { 200, 0 }, { 0, 200 } }).requires_grad_();
        var nothing = tensor([Dataset.IgnoredLabel, Dataset.IgnoredLabel]);

        foreach (var loss in new[] { TaskLoss.Focal(1), TaskLoss.Focal(), TaskLoss.CrossEntropy([1, 2]) })
            foreach (var labels in new[] { tensor([0L, 1]), tensor([1L, 0]), nothing })
            {
                var value = loss.Compute(outputs, labels);
                value.backward();
                Assert.True(double.IsFinite(value.ToDouble()));
                Assert.True(outputs.grad!.isfinite().all().item<bool>());
            }

        Assert.Equal(0, TaskLoss.CrossEntropy().Compute(outputs, nothing).ToDouble());
    }

    [Fact]
    public void Losses_of_numbers_are_their_formulas()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,] { { 0.5f, -2 }, { 3, 0 } });
        var targets = tensor(new float[,] { { 1, 0 }, { 0, 1 } });
        double[] errors = [-0.5, -2, 3, -1];

        Assert.Equal(errors.Average(error => error * error), TaskLoss.MeanSquaredError().Compute(outputs, targets).ToDouble(), 5);
        Assert.Equal(
            errors.Average(error => Math.Abs(error) <= 1.5 ? error * error / 2 : 1.5 * (Math.Abs(error) - 0.75)),
            TaskLoss.Huber(1.5).Compute(outputs, targets).ToDouble(), 5);
        double Binary(double score, double target, double weight) =>
            (weight * target * Math.Log(1 + Math.Exp(-score))) + ((1 - target) * Math.Log(1 + Math.Exp(score)));
        Assert.Equal(
            (Binary(0.5, 1, 2) + Binary(-2, 0, 5) + Binary(3, 0, 2) + Binary(0, 1, 5)) / 4,
            TaskLoss.BinaryCrossEntropy([2, 5]).Compute(outputs, targets).ToDouble(), 5);
    }

    [Fact]
    public void A_run_with_a_loss_of_ones_own_follows_it_and_reports_it()
    {
        using var data = Small.Numbers();
        TrainingReport Run(TaskLoss? loss, out float[] state)
        {
            using var model = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
            var report = new Trainer(model, new() { Epochs = 3, BatchSize = 24, TaskLoss = loss }).Fit(data, data);
            state = Small.State(model);
            return report;
        }

        var mean = Run(null, out var expected);
        var own = Run(new("squares of my own", (outputs, targets) => nn.functional.mse_loss(outputs, targets)), out var actual);
        var absolute = Run(new("absolute", (outputs, targets) => outputs.sub(targets).abs().mean()), out var other);

        Assert.Equal(expected, actual);
        Assert.NotEqual(expected, other);
        Assert.Equal(mean.History[^1].ValidationLoss, own.History[^1].ValidationLoss);
        Assert.True(absolute.History[^1].ValidationLoss < absolute.History[0].ValidationLoss);
        Assert.Equal(("mean squared error", "squares of my own"), (mean.TaskLoss, own.TaskLoss));
        Assert.Contains("loss: squares of my own", own.ToString());
    }

    [Fact]
    public void A_loss_of_ones_own_may_read_targets_of_any_shape()
    {
        using var scope = NewDisposeScope();
        using var points = Small.Numbers();
        // A mean and the logarithm of a deviation for each sample; the target is one number.
        using var model = DirectModel.For(TargetNetwork.Input(4).Linear(2).Build());
        using var data = Dataset.FromTensors(points.Inputs, points.Targets.squeeze(1));
        var loss = new TaskLoss("Gaussian", (outputs, targets) =>
            outputs.select(1, 0).sub(targets).square().mul(outputs.select(1, 1).neg().exp()).add(outputs.select(1, 1)).mean());

        var report = new Trainer(model, new() { Epochs = 20, BatchSize = 24, LearningRate = 0.05, TaskLoss = loss }).Fit(data, data);

        Assert.True(report.History[^1].ValidationLoss < report.History[0].ValidationLoss - 1);
        Assert.Equal(report.History[^1].ValidationLoss, Evaluation.Of(model, data, loss: loss).Loss);
        Assert.Throws<ArgumentException>("data", () => Evaluation.Of(model, data));
    }

    [Fact]
    public void Class_weights_change_what_is_learned()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(96);
        double Share(TaskLoss? loss)
        {
            using var model = Small.Slvt();
            new Trainer(model, new() { Epochs = 10, BatchSize = 24, TaskLoss = loss }).Fit(data);
            return model.Predict(data.Inputs).argmax(1).eq(1).to(float32).mean().ToDouble();
        }

        Assert.True(Share(TaskLoss.CrossEntropy([1, 50, 1])) > Share(TaskLoss.CrossEntropy()) + 0.1);
        Assert.Equal(Share(null), Share(TaskLoss.CrossEntropy()));
    }

    [Fact]
    public void One_number_a_sample_fits_one_output()
    {
        using var scope = NewDisposeScope();
        using var column = Small.Numbers();
        using var plain = Dataset.FromTensors(column.Inputs, column.Targets.squeeze(1));
        string Run(Dataset data, TaskLoss? loss = null)
        {
            using var model = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
            var options = new TrainingOptions { Epochs = 2, BatchSize = 24, TaskLoss = loss, Metrics = [Metric.MeanAbsoluteError()] };
            var report = new Trainer(model, options).Fit(data, data);
            Assert.Equal(report.History[^1].ValidationLoss, Evaluation.Of(model, data, loss: loss).Loss);
            return string.Join(' ', Small.State(model).Select(number => (double)number).Append(report.History[^1].ValidationMetrics["MAE"]));
        }

        Assert.Equal(Run(column), Run(plain));
        Assert.Equal(Run(column, TaskLoss.Huber()), Run(plain, TaskLoss.Huber()));
        // Of targets (N) and outputs (N, 1) a difference would be (N, N).
        var own = new TaskLoss("own", (outputs, targets) => outputs.sub(targets).square().mean());
        Assert.Equal(Run(column, own), Run(plain, own));
    }

    [Fact]
    public void What_misfits_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var classes = Small.Classes(8);
        using var numbers = Small.Numbers(8);
        using var model = Small.Slvt();
        using var regressor = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
        void Refused(string argument, string message, Model on, Dataset data, TrainingOptions options)
        {
            var before = Small.State(on);
            Assert.Contains(message, Assert.Throws<ArgumentException>(argument, () => new Trainer(on, options).Fit(data)).Message);
            Assert.Equal(before, Small.State(on));
        }

        Refused("LabelSmoothing", "numbers to regress and no labels", regressor, numbers, new() { LabelSmoothing = 0.1 });
        Refused("classWeights", "2 weights; 'small-classifier' needs 3", model, classes, new() { TaskLoss = TaskLoss.CrossEntropy([1, 2]) });
        Refused("classWeights", "4 weights; 'small-classifier' needs 3", model, classes, new() { TaskLoss = TaskLoss.Focal(2, [1, 2, 3, 4]) });
        Refused("positiveWeights", "2 weights; 'small-regressor' needs 1", regressor, numbers, new() { TaskLoss = TaskLoss.BinaryCrossEntropy([1, 2]) });
        Refused("data", "takes targets from 0 to 1", regressor, numbers, new() { TaskLoss = TaskLoss.BinaryCrossEntropy() });
        Refused("data", "mean squared error takes numbers", model, classes, new() { TaskLoss = TaskLoss.MeanSquaredError() });
        Refused("data", "Huber takes numbers", model, classes, new() { TaskLoss = TaskLoss.Huber() });
        Refused("data", "focal takes classes", regressor, numbers, new() { TaskLoss = TaskLoss.Focal() });
        Refused("TaskLoss", "'each' returns Float32 of shape (8, 1)", regressor, numbers, new() { TaskLoss = new("each", (outputs, targets) => outputs.sub(targets)) });
        Refused("TaskLoss", "'none' returns null", regressor, numbers, new() { TaskLoss = new("none", (_, _) => null!) });
        Refused("TaskLoss", "'apart' does not depend on the outputs", regressor, numbers, new() { TaskLoss = new("apart", (_, targets) => targets.mean()) });

        Assert.Throws<ArgumentException>("name", () => new TaskLoss(" ", (outputs, _) => outputs.mean()));
        Assert.Throws<ArgumentNullException>("loss", () => new TaskLoss("x", null!));
        Assert.Throws<ArgumentException>("classWeights", () => TaskLoss.CrossEntropy([]));
        Assert.Throws<ArgumentException>("classWeights", () => TaskLoss.CrossEntropy([1, 0]));
        Assert.Throws<ArgumentException>("positiveWeights", () => TaskLoss.BinaryCrossEntropy([double.NaN]));
        Assert.Throws<ArgumentOutOfRangeException>("labelSmoothing", () => TaskLoss.CrossEntropy(labelSmoothing: 1));
        Assert.Throws<ArgumentOutOfRangeException>("gamma", () => TaskLoss.Focal(0.5));
        Assert.Throws<ArgumentOutOfRangeException>("delta", () => TaskLoss.Huber(0));
    }

    [Fact]
    public void Options_that_do_not_go_together_are_refused_before_there_is_data()
    {
        using var model = Small.Slvt();
        void Refused(string argument, string message, TrainingOptions options) =>
            Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => new Trainer(model, options)) is { } fault && fault.ParamName == argument
                ? fault.Message : $"of another argument than {argument}");

        var own = new TaskLoss("own", (outputs, _) => outputs.mean());
        using var teacher = Small.Slvt();
        Refused("LabelSmoothing", "'own' smooths by itself", new() { TaskLoss = own, LabelSmoothing = 0.1 });
        Refused("TaskLoss", "'own' has no place where Distillation", new() { TaskLoss = own, Distillation = new([teacher]) });
        Refused("RestoreAverage", "No average is kept", new() { RestoreAverage = true });
        Refused("RestoreAverage", "both", new() { RestoreAverage = true, AverageDecay = 0.9, RestoreBest = true });
        Refused("AverageLastEpochs", "one average", new() { AverageDecay = 0.9, AverageLastEpochs = 2 });
        Refused("AverageLastEpochs", "not known", new() { AverageLastEpochs = 2, EarlyStoppingPatience = 1 });
        Refused("Metrics", "Two metrics are called 'F1'", new() { Metrics = [Metric.F1(), Metric.F1()] });
        Refused("Metrics", "is null", new() { Metrics = [null!] });
        var torch = TrainingOptimizer.Of("mine", parameters => optim.SGD(parameters, 0.1));
        Refused("LearningRate", "built with its own", new() { Optimizer = torch, LearningRate = 0.1 });
        Refused("WeightDecay", "built with its own", new() { Optimizer = torch, WeightDecay = 0.1 });
        Refused("WeightDecay", "FullMatrix takes none", new() { Optimizer = TrainingOptimizer.FullMatrix, WeightDecay = 0.1 });
    }
}
