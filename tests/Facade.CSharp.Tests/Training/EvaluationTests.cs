using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class EvaluationTests
{
    [Fact]
    public void Large_samples_are_evaluated_a_few_at_a_time_with_the_same_result()
    {
        using var scope = NewDisposeScope();
        // Three of these make more than 4 million numbers, two do not.
        const int Length = 2_000_000;
        using var module = nn.Linear(1, 2);
        var sizes = new List<long>();
        using var target = TargetNetwork.From(module, zeros(1, Length), input =>
        {
            sizes.Add(input.shape[0]);
            return module.call(input.mean([1], keepdim: true));
        });
        using var data = Dataset.FromSamples(5, [Length], [], ["low", "high"], number => (
            full(Length, number, dtype: float32), tensor(number > 2 ? 1L : 0)));
        using var model = DirectModel.For(target, seed: 3);
        sizes.Clear();

        var together = Evaluation.Of(model, data);
        var one = Evaluation.Of(model, data, batchSize: 1);
        var matrix = ConfusionMatrix.Of(model, data);

        Assert.Equal([2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 1], sizes);
        Assert.Equal(one.Loss, together.Loss, 5);
        Assert.Equal((one.Accuracy, 5), (together.Accuracy, together.Count));
        Assert.Equal(one.Accuracy!.Value, matrix.Accuracy, 12);
        Assert.Throws<ArgumentOutOfRangeException>("batchSize", () => Evaluation.Of(model, data, batchSize: 0));
    }

    [Fact]
    public void Equal_figures_and_specifications_are_equal()
    {
        using var model = Small.Slvt();
        using var data = Small.Classes(8);
        Evaluation Again(params Metric[] metrics) => Evaluation.Of(model, data, metrics: metrics);
        Assert.Equal(Again(Metric.F1()), Again(Metric.F1()));
        Assert.Equal(Again(Metric.F1()).GetHashCode(), Again(Metric.F1()).GetHashCode());
        Assert.NotEqual(Again(Metric.F1()), Again());
        Assert.NotEqual(Again(Metric.F1()), Again(Metric.TopK(2)));

        var (one, other) = (Small.Images(), Small.Images());
        Assert.Equal(one.Parameters, other.Parameters);
        Assert.Equal(one.Parameters.Select(parameter => parameter.GetHashCode()), other.Parameters.Select(parameter => parameter.GetHashCode()));
        Assert.NotEqual(one.Parameters[0], one.Parameters[0] with { Center = 1 });
        Assert.Equal(new InputSpecification([1, 2]), new InputSpecification([1, 2]));
        Assert.NotEqual(new InputSpecification([1, 2]), new InputSpecification([2, 1]));
        var buffer = new BufferSpecification("a", [3], ScalarType.Float32, 0);
        Assert.Equal(buffer, new BufferSpecification("a", [3], ScalarType.Float32, 0));
        Assert.Equal(buffer.GetHashCode(), new BufferSpecification("a", [3], ScalarType.Float32, 0).GetHashCode());
        Assert.NotEqual(buffer, buffer with { Start = 1 });
        Assert.NotEqual(buffer, buffer with { IsPersistent = false });
        Assert.NotEqual(buffer, buffer with { IsDropoutPlace = true });
        Assert.NotEqual(buffer, buffer with { FollowsBatches = false });
        Assert.Equal(new SafetensorsEntry("a", ScalarType.Float32, [3], 0, 12), new SafetensorsEntry("a", ScalarType.Float32, [3], 0, 12));
        Assert.NotEqual(new SafetensorsEntry("a", ScalarType.Float32, [3], 0, 12), new SafetensorsEntry("a", ScalarType.Float32, [3, 1], 0, 12));
    }

    // A text of a few dozen tokens has millions of outputs, one for each word of the vocabulary at each place: a thousand texts do not fit into memory.
    [Fact]
    public void Samples_of_many_outputs_are_evaluated_a_few_at_a_time()
    {
        using var scope = NewDisposeScope();
        const int Classes = 4_000_000;
        var sizes = new List<long>();
        using var module = nn.Linear(1, 1);
        using var target = TargetNetwork.From(module, zeros(1, 1), input =>
        {
            sizes.Add(input.shape[0]);
            return module.call(input).expand(-1, Classes);
        });
        using var numbers = Dataset.FromTensors(zeros(9, 1), zeros(9, Classes));
        using var model = DirectModel.For(target, seed: 3);
        sizes.Clear();

        Evaluation.Of(model, numbers);

        Assert.Equal([4, 4, 1], sizes);
    }

    [Theory]
    [InlineData("cross-entropy")]
    [InlineData("cross-entropy without class 2")]
    [InlineData("focal")]
    public void With_class_weights_the_loss_is_the_weighted_mean_over_all_samples_whatever_the_batches(string name)
    {
        using var scope = NewDisposeScope();
        double[] weights = [1, 20, 0.05];
        var loss = name switch
        {
            "cross-entropy" => TaskLoss.CrossEntropy(weights),
            "focal" => TaskLoss.Focal(2, weights),
            _ => TaskLoss.CrossEntropy(weights, ignoredLabel: 2),
        };
        using var data = Small.Classes(50);
        using var model = DirectModel.For(Small.Classifier(), seed: 3);

        // All at once, by the formula.
        var logs = model.Predict(data.Inputs).to(float64).log_softmax(1).gather(1, data.Labels.unsqueeze(1)).squeeze(1);
        var each = tensor(weights).index_select(0, data.Labels);
        if (name.EndsWith('2'))
            each = each.mul(data.Labels.ne(2));
        var terms = name == "focal" ? logs.neg().mul(logs.exp().neg().add(1).square()) : logs.neg();
        var expected = (terms.mul(each).sum() / each.sum()).ToDouble();

        foreach (var size in new[] { 1000, 50, 7, 1 })
            Assert.Equal(expected, Evaluation.Of(model, data, size, loss: loss).Loss, 5);
    }

    [Fact]
    public void Ignored_labels_do_not_count_whatever_the_batches()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1, 4, 4).Conv2d(2, 1).Build("pixels");
        var labels = arange(6 * 16, dtype: int64).remainder(2).reshape(6, 4, 4);
        labels[..2] = tensor(Dataset.IgnoredLabel);
        labels[2, 1..] = tensor(Dataset.IgnoredLabel);
        using var data = Dataset.FromTensors(linspace(-1, 1, 6 * 16).reshape(6, 1, 4, 4), labels, ["a", "b"]);
        using var model = DirectModel.For(target, seed: 1);
        var expected = nn.functional.cross_entropy(model.Predict(data.Inputs), data.Targets).ToDouble();

        foreach (var size in new[] { 6, 4, 1 })
            Assert.Equal(expected, Evaluation.Of(model, data, size).Loss, 6);
    }
}
