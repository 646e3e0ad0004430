using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Ready-made metrics against counts by hand, and what a run does with metrics.</summary>
public sealed class MetricTests
{
    private static Evaluation Evaluate(Tensor outputs, Tensor labels, int batch, params Metric[] metrics)
    {
        // A network that hands its input on: its outputs are the data.
        var classes = outputs.shape[1];
        using var model = DirectModel.For(TargetNetwork.Input(classes).Linear(classes).Build());
        using (no_grad())
        {
            model.Trainables[0].copy_(eye(classes));
            model.Trainables[1].zero_();
        }

        using var data = labels.is_floating_point()
            ? Dataset.FromTensors(outputs, labels)
            : Dataset.FromTensors(outputs, labels, [.. Enumerable.Range(0, (int)classes).Select(number => $"{number}")]);
        return Evaluation.Of(model, data, batch, metrics: metrics);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(100)]
    public void Metrics_of_classes_are_counts_over_all_samples_whatever_the_batch(int batch)
    {
        using var scope = NewDisposeScope();
        // Predicted: 0 0 1 2 1 0; class 3 neither occurs nor is predicted.
        var outputs = tensor(new float[,]
        {
            { 5, 4, 1, 0 }, { 5, 1, 4, 0 }, { 1, 5, 4, 0 }, { 1, 4, 5, 0 }, { 4, 5, 1, 0 }, { 5, 4, 1, 0 }, { 5, 1, 0, 2 },
        });
        var labels = tensor([0L, 1, 1, 2, 0, 2, Dataset.IgnoredLabel]);

        var evaluation = Evaluate(
            outputs, labels, batch, Metric.TopK(1), Metric.TopK(2), Metric.TopK(4), Metric.F1(), Metric.MeanIntersectionOverUnion());

        Assert.Equal(3 / 6.0, evaluation.Accuracy);
        Assert.Equal(3 / 6.0, evaluation.Metrics["top-1"], 12);
        Assert.Equal(4 / 6.0, evaluation.Metrics["top-2"], 12);
        Assert.Equal(1, evaluation.Metrics["top-4"], 12);
        // Met, occurring, predicted: 1 2 3; 1 2 2; 1 2 1.
        Assert.Equal((2 / 5.0 + 2 / 4.0 + 2 / 3.0) / 3, evaluation.Metrics["F1"], 12);
        Assert.Equal((1 / 4.0 + 1 / 3.0 + 1 / 2.0) / 3, evaluation.Metrics["mIoU"], 12);
        Assert.Contains("accuracy 50.00%, top-1 0.5", evaluation.ToString());
    }

    [Fact]
    public void The_mean_intersection_over_union_is_the_confusion_matrixs()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes();
        using var model = Small.Slvt();

        Assert.Equal(
            ConfusionMatrix.Of(model, data).MeanIntersectionOverUnion,
            Evaluation.Of(model, data, 10, metrics: [Metric.MeanIntersectionOverUnion()]).Metrics["mIoU"], 12);
    }

    [Fact]
    public void The_mean_absolute_error_and_a_metric_of_ones_own_are_sums_over_batches()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,] { { 1, 2 }, { 3, 4 }, { 5, 6 } });
        var targets = tensor(new float[,] { { 1, 0 }, { 0, 4 }, { 6, 7 } });
        var bias = new Metric(
            "bias", (given, wanted) => stack([given.sub(wanted).sum(), ones_like(wanted).sum()]), sums => sums[0] / sums[1], higherIsBetter: false);

        var metrics = Evaluate(outputs, targets, 2, Metric.MeanAbsoluteError(), bias).Metrics;

        Assert.Equal(7 / 6.0, metrics["MAE"], 12);
        Assert.Equal(3 / 6.0, metrics["bias"], 12);
    }

    [Fact]
    public void A_run_reports_metrics_of_both_sides_and_selects_by_one()
    {
        using var data = Small.Classes(40);
        using var validation = Small.Classes(40, seed: 8);
        using var model = Small.Slvt();
        var states = new List<float[]>();
        var options = new TrainingOptions
        {
            Epochs = 12,
            BatchSize = 8,
            LearningRate = 1.5,
            Schedule = LearningRateSchedule.Constant,
            RestoreBest = true,
            Metrics = [Metric.TopK(2)],
            SelectBy = Metric.F1(),
        };

        var report = new Trainer(model, options with
        {
            OnEpoch = progress =>
            {
                states.Add(Small.State(model));
                return TrainingSignal.Continue;
            },
        }).Fit(data, validation);

        Assert.All(report.History, epoch => Assert.Equal(["top-2", "F1"], epoch.ValidationMetrics.Keys));
        Assert.All(report.History, epoch => Assert.InRange(epoch.TrainingMetrics["top-2"], epoch.TrainingAccuracy!.Value, 1));
        var best = report.History.MaxBy(epoch => epoch.ValidationMetrics["F1"])!;
        Assert.Equal(best.Epoch, report.BestEpoch);
        Assert.Equal(states[best.Epoch - 1], Small.State(model));
        Assert.Equal(best.ValidationMetrics["F1"], Evaluation.Of(model, validation, metrics: options.AllMetrics).Metrics["F1"]);
    }

    [Fact]
    public void The_lower_is_better_where_a_metric_says_so()
    {
        using var data = Small.Numbers();
        using var model = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();

        var report = new Trainer(model, new() { Epochs = 8, LearningRate = 0.5, SelectBy = Metric.MeanAbsoluteError() }).Fit(data, data);

        Assert.Equal(report.History.MinBy(epoch => epoch.ValidationMetrics["MAE"])!.Epoch, report.BestEpoch);
    }

    [Fact]
    public void A_metric_that_is_no_number_leaves_the_first_epoch_the_best()
    {
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        var nothing = new Metric("nothing", (outputs, _) => outputs.sum().reshape(1), _ => double.NaN);

        Assert.Equal(1, new Trainer(model, new() { Epochs = 2, SelectBy = nothing, RestoreBest = true }).Fit(data, data).BestEpoch);
    }

    [Fact]
    public void What_misfits_is_refused_by_name()
    {
        using var classes = Small.Classes(8);
        using var numbers = Small.Numbers(8);
        using var model = Small.Slvt();
        using var regressor = DirectModel.For(Small.Regressor());
        void Refused(string argument, string message, Model on, Dataset data, Metric metric)
        {
            Assert.Contains(message, Assert.Throws<ArgumentException>(argument, () => new Trainer(on, new() { Metrics = [metric] }).Fit(data)).Message);
            Assert.Contains(message, Assert.Throws<ArgumentException>(argument, () => Evaluation.Of(on, data, metrics: [metric])).Message);
        }

        Refused("data", "'F1' takes classes", regressor, numbers, Metric.F1());
        Refused("data", "'mIoU' takes classes", regressor, numbers, Metric.MeanIntersectionOverUnion());
        Refused("data", "'top-1' takes classes", regressor, numbers, Metric.TopK(1));
        Refused("k", "top-4 names 4 classes; 'small-classifier' puts out 3", model, classes, Metric.TopK(4));
        Refused("data", "'MAE' takes numbers", model, classes, Metric.MeanAbsoluteError());
        // A loss of one's own may read such targets; a metric that compares each with an output may not.
        using var wide = DirectModel.For(TargetNetwork.Input(4).Linear(2).Build("wide"));
        var own = new TaskLoss("own", (outputs, targets) => outputs.sub(targets).square().mean());
        Assert.Contains("(1) and 'wide' puts out (2)", Assert.Throws<ArgumentException>(
            "data", () => new Trainer(wide, new() { TaskLoss = own, Metrics = [Metric.MeanAbsoluteError()] }).Fit(numbers)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("k", () => Metric.TopK(0));
        Assert.Throws<ArgumentException>("name", () => new Metric("", (outputs, _) => outputs, sums => sums[0]));
        Assert.Contains("SelectBy needs a validation set", Assert.Throws<ArgumentException>(
            "validation", () => new Trainer(model, new() { SelectBy = Metric.F1() }).Fit(classes)).Message);
        // 5 and then 3 samples: sums of another length.
        Assert.Contains("gives 3 sums", Assert.Throws<ArgumentException>("Metrics", () => Evaluation.Of(
            regressor, numbers, 5, metrics: [new("each", (outputs, _) => outputs.squeeze(1), sums => sums[0])])).Message);
    }
}
