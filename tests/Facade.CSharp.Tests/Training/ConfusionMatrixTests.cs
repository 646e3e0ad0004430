using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ConfusionMatrixTests
{
    private const long Ignored = Dataset.IgnoredLabel;

    [Fact]
    public void Intersection_over_union_is_what_one_counts_by_hand()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 0, 1, 1, 2, Ignored, Ignored }, [2, 4]);
        var predicted = tensor(new long[] { 0, 0, 1, 1, 0, 2, 1, 3 }, [2, 4]);

        var matrix = ConfusionMatrix.Of(predicted, labels, 5);

        Assert.Equal((2, 1, 0), (matrix[0, 0], matrix[0, 1], matrix[2, 0]));
        Assert.Equal(6, matrix.Judged);
        Assert.Equal(4.0 / 6, matrix.Accuracy);
        Assert.Equal(2.0 / 4, matrix.IntersectionOverUnion(0));
        Assert.Equal(1.0 / 3, matrix.IntersectionOverUnion(1));
        Assert.Equal(1, matrix.IntersectionOverUnion(2));
        // Class 3 is predicted only where nothing is judged, class 4 nowhere: neither lowers the mean.
        Assert.Null(matrix.IntersectionOverUnion(3));
        Assert.Null(matrix.IntersectionOverUnion(4));
        Assert.Equal((0.5 + (1.0 / 3) + 1) / 3, matrix.MeanIntersectionOverUnion, 12);
    }

    [Fact]
    public void A_class_that_is_predicted_but_never_there_counts_as_nothing_met()
    {
        using var scope = NewDisposeScope();

        var matrix = ConfusionMatrix.Of(tensor(new long[] { 0, 1 }), tensor(new long[] { 0, 0 }), 2);

        Assert.Equal(0, matrix.IntersectionOverUnion(1));
        Assert.Equal(0.25, matrix.MeanIntersectionOverUnion);
    }

    [Fact]
    public void Where_nothing_is_judged_all_shares_are_zero()
    {
        using var scope = NewDisposeScope();

        var matrix = ConfusionMatrix.Of(tensor(new long[] { 0 }), tensor(new[] { Ignored }), 2);

        Assert.Equal((0, 0.0, 0.0), (matrix.Judged, matrix.Accuracy, matrix.MeanIntersectionOverUnion));
    }

    [Fact]
    public void A_model_is_judged_over_all_batches_as_its_evaluation_judges_it()
    {
        using var scope = NewDisposeScope();
        var images = rand(10, 1, 4, 4);
        var labels = images.squeeze(1).gt(0.3).to(ScalarType.Int64);
        labels[.., 0] = Ignored;
        using var data = Dataset.FromTensors(images, labels, ["dark", "bright"]);
        using var model = DirectModel.For(TargetNetwork.Input(1, 4, 4).Conv2d(2, 1).Build(), seed: 5);

        var matrix = ConfusionMatrix.Of(model, data, batchSize: 3);

        using var outputs = model.Predict(images);
        var bright = outputs.argmax(1)[.., 1..].sum().item<long>();
        Assert.Equal(10 * 12, matrix.Judged);
        Assert.Equal(bright, matrix[0, 1] + matrix[1, 1]);
        Assert.Equal(labels[.., 1..].sum().item<long>(), matrix[1, 0] + matrix[1, 1]);
        Assert.Equal(Evaluation.Of(model, data).Accuracy!.Value, matrix.Accuracy, 12);
    }

    [Fact]
    public void What_is_no_class_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var zero = tensor(new long[] { 0, 0 });

        Assert.Contains("(3)", Assert.Throws<ArgumentException>("predicted", () => ConfusionMatrix.Of(zeros(3, int64), zero, 2)).Message);
        Assert.Contains("Number 1 is 2", Assert.Throws<ArgumentException>(
            "labels", () => ConfusionMatrix.Of(zero, tensor(new long[] { 0, 2 }), 2)).Message);
        Assert.Contains("Int64", Assert.Throws<ArgumentException>("predicted", () => ConfusionMatrix.Of(zeros(2), zero, 2)).Message);
        Assert.Throws<ArgumentException>("predicted", () => ConfusionMatrix.Of(tensor(new[] { 0, Ignored }), zero, 2));
        Assert.Throws<ArgumentOutOfRangeException>("classes", () => ConfusionMatrix.Of(zero, zero, 0));
        Assert.Throws<ArgumentOutOfRangeException>("actual", () => ConfusionMatrix.Of(zero, zero, 2)[2, 0]);
        using var numbers = Dataset.FromTensors(zeros(2, 3), zeros(2, 1));
        using var model = DirectModel.For(TargetNetwork.Input(3).Linear(1).Build());
        Assert.Contains("numbers to regress", Assert.Throws<ArgumentException>("data", () => ConfusionMatrix.Of(model, numbers)).Message);
    }

    [Fact]
    public void More_classes_than_can_be_counted_are_refused_by_their_number()
    {
        using var scope = NewDisposeScope();
        var zero = zeros(2, int64);
        using var model = DirectModel.For(TargetNetwork.Input(1).Linear(46_341).Build());
        using var data = Dataset.FromTensors(zeros(2, 1), zero, ["a", "b"]);

        foreach (var classes in new[] { 46_341, 65_536 })
            Assert.Contains("46,340", Assert.Throws<ArgumentOutOfRangeException>("classes", () => ConfusionMatrix.Of(zero, zero, classes)).Message);
        Assert.Contains("46,341", Assert.Throws<ArgumentException>("model", () => ConfusionMatrix.Of(model, data)).Message);
        foreach (var metric in new[] { Metric.F1(), Metric.MeanIntersectionOverUnion() })
            Assert.Contains("46,341", Assert.Throws<ArgumentException>(() => Evaluation.Of(model, data, metrics: [metric])).Message);
        // Other metrics count no pairs.
        Assert.Equal(2, Evaluation.Of(model, data, metrics: [Metric.TopK(2)]).Count);
    }
}
