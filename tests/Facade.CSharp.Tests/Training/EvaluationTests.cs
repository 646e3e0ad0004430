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
}
