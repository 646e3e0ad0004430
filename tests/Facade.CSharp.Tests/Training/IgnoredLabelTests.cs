using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Ignored labels count nowhere: neither in a loss, nor in how batches are weighed, nor where no label is left.</summary>
public sealed class IgnoredLabelTests
{
    private static Dataset Few(params (int Place, long Label)[] judged)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var labels = full(16, Dataset.IgnoredLabel, int64);
        foreach (var (place, label) in judged)
            labels[place] = label;
        return Dataset.FromTensors(randn([16, 4], generator: generator), labels, ["a", "b", "c"]);
    }

    [Fact]
    public void A_batch_without_a_judged_label_has_the_loss_0_and_training_goes_on()
    {
        using var data = Few((3, 1));
        using var none = Few();
        using var model = DirectModel.For(Small.Classifier(), 1);

        var report = new Trainer(model, new() { Epochs = 2, BatchSize = 4 }).Fit(data);

        Assert.All(report.History, epoch => Assert.True(epoch.TrainingLoss > 0 && double.IsFinite(epoch.TrainingLoss)));
        Assert.Equal(0, Evaluation.Of(model, none).Loss);
        Assert.Equal(0, new Trainer(model, new() { Epochs = 1, BatchSize = 4 }).Fit(none).History[0].TrainingLoss);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_training_loss_does_not_depend_on_the_batch_size(bool weighted)
    {
        using var data = Few((0, 1), (1, 0), (2, 2), (9, 1), (15, 0));
        using var model = DirectModel.For(Small.Classifier(), 1);
        TrainingOptions Options(int batch) => new()
        {
            Epochs = 1,
            BatchSize = batch,
            // So small a rate moves nothing: each epoch sees the same weights.
            LearningRate = 1e-30,
            TaskLoss = weighted ? TaskLoss.CrossEntropy(classWeights: [1, 5, 2]) : null,
        };

        var losses = new[] { 1, 3, 16 }.Select(batch => new Trainer(model, Options(batch)).Fit(data).History[0].TrainingLoss).ToArray();

        Assert.All(losses, loss => Assert.Equal(losses[0], loss, 1e-6));
        Assert.Equal(Evaluation.Of(model, data, loss: Options(1).TaskLoss).Loss, losses[0], 1e-6);
    }

    [Fact]
    public void The_label_that_a_loss_ignores_counts_neither_in_accuracy_nor_in_metrics()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(40);
        using var marked = Dataset.FromTensors(
            data.Inputs, where(data.Targets.eq(2), tensor(Dataset.IgnoredLabel), data.Targets), data.ClassNames);
        using var model = DirectModel.For(Small.Classifier(), 1);
        Metric[] metrics = [Metric.TopK(2), Metric.F1(), Metric.MeanIntersectionOverUnion()];
        var loss = TaskLoss.CrossEntropy(ignoredLabel: 2);
        TrainingOptions Options(TaskLoss? which) => new() { Epochs = 1, BatchSize = 7, LearningRate = 1e-30, TaskLoss = which, Metrics = metrics };

        var expected = Evaluation.Of(model, marked, metrics: metrics);
        var found = Evaluation.Of(model, data, loss: loss, metrics: metrics);
        var trainedExpected = new Trainer(model, Options(null)).Fit(marked).History[0];
        var trained = new Trainer(model, Options(loss)).Fit(data).History[0];

        Assert.NotEqual(Evaluation.Of(model, data).Accuracy, found.Accuracy);
        Assert.Equal(expected.Accuracy, found.Accuracy);
        Assert.Equal(expected.Metrics, found.Metrics);
        Assert.Equal(trainedExpected.TrainingAccuracy, trained.TrainingAccuracy);
        Assert.Equal(trainedExpected.TrainingMetrics, trained.TrainingMetrics);
    }
}
