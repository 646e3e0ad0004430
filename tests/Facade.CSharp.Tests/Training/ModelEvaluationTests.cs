using Xunit;

namespace MappingNets.Tests;

/// <summary>A model that is asked for its figures gives those of <see cref="Evaluation"/> and <see cref="ConfusionMatrix"/>.</summary>
public sealed class ModelEvaluationTests
{
    [Fact]
    public void A_model_evaluates_with_the_same_figures()
    {
        using var data = Small.Classes(50);
        using var model = DirectModel.For(Small.Classifier(), seed: 3);
        var loss = TaskLoss.CrossEntropy([1, 20, 0.05]);
        Metric[] metrics = [Metric.F1(), Metric.TopK(2)];

        Assert.Equal(Evaluation.Of(model, data), model.Evaluate(data));
        Assert.Equal(Evaluation.Of(model, data, 7, loss: loss, metrics: metrics), model.Evaluate(data, loss, metrics, batchSize: 7));
        Assert.Throws<ArgumentNullException>("data", () => model.Evaluate(null!));
        Assert.Throws<ArgumentOutOfRangeException>("batchSize", () => model.Evaluate(data, batchSize: 0));
        Assert.Throws<OperationCanceledException>(() => model.Evaluate(data, cancellation: new(canceled: true)));
    }

    [Fact]
    public void A_model_counts_the_same_confusions()
    {
        using var data = Small.Classes(50);
        using var model = DirectModel.For(Small.Classifier(), seed: 3);

        var (expected, found) = (ConfusionMatrix.Of(model, data), model.Confusion(data, batchSize: 7));

        Assert.Equal(50, found.Judged);
        for (var actual = 0; actual < 3; actual++)
            for (var predicted = 0; predicted < 3; predicted++)
                Assert.Equal(expected[actual, predicted], found[actual, predicted]);
        Assert.Throws<OperationCanceledException>(() => model.Confusion(data, cancellation: new(canceled: true)));
    }
}
