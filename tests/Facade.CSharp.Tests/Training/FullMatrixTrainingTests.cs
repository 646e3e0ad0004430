using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a user of <see cref="TrainingOptimizer.FullMatrix"/> relies on.</summary>
public sealed class FullMatrixTrainingTests
{
    private static readonly TrainingOptions Options = new() { Optimizer = TrainingOptimizer.FullMatrix, Epochs = 12, BatchSize = 12, Seed = 3 };

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    [InlineData("lwt with scales")]
    [InlineData("direct")]
    public void It_learns_what_Adam_learns(string kind)
    {
        using var data = Small.Classes();
        using var model = Make(kind);

        var report = new Trainer(model, Options with { Epochs = 40, LearningRate = 0.1 }).Fit(data);

        Assert.InRange(report.History[^1].TrainingLoss, 0, 0.5 * report.History[0].TrainingLoss);
        Assert.InRange(Evaluation.Of(model, data).Accuracy!.Value, 0.9, 1);
    }

    /// <summary>y = a x1 + b x2 with x1 and x2 nearly the same: Adam crawls along the valley between them, a second-order step does not.</summary>
    [Fact]
    public void It_goes_straight_down_a_narrow_valley_where_Adam_does_not()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var common = randn([256, 1], generator: generator);
        var apart = randn([256, 1], generator: generator) * 0.03;
        var inputs = cat([common + apart, common - apart], 1);
        using var data = Dataset.FromTensors(inputs, (inputs[TensorIndex.Ellipsis, 0] - inputs[TensorIndex.Ellipsis, 1]).unsqueeze(1) * 2);
        double LossAfter(TrainingOptimizer optimizer)
        {
            using var model = GeneratedModel.For(
                TargetNetwork.Input(2).Linear(1).Build("line"), "plain", [new("weights", tensor([1f, 1f, 0f]))], trained => trained[0]);
            return new Trainer(model, new() { Optimizer = optimizer, Epochs = 15, BatchSize = 32, LearningRate = 0.1 }).Fit(data).History[^1].TrainingLoss;
        }

        Assert.InRange(LossAfter(TrainingOptimizer.FullMatrix), 0, 0.5 * LossAfter(TrainingOptimizer.Adam));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits()
    {
        using var data = Small.Classes();
        int[] Train()
        {
            using var model = Small.Lwt();
            new Trainer(model, Options).Fit(data);
            return Small.Bits(model.Latent);
        }

        Assert.Equal(Train(), Train());
    }

    [Fact]
    public void A_model_with_too_many_numbers_is_refused_with_the_limit()
    {
        using var model = DirectModel.For(Targets.Cnn2());
        using var data = Dataset.FromTensors(zeros(4, 1, 28, 28), zeros(4, int64), [.. Enumerable.Range(0, 10).Select(number => $"{number}")]);

        var fault = Assert.Throws<ArgumentException>("Optimizer", () => new Trainer(model, Options).Fit(data));

        Assert.Contains("at most 16,384 of them; this model trains 108,618: use Adam", fault.Message);
        // What pruning left would fit; the matrices have places for all.
        Pruning.ToCount(model, 10_000);
        Assert.Contains(
            "trains 108,618, those that pruning set to 0 among them: use Adam",
            Assert.Throws<ArgumentException>("Optimizer", () => new Trainer(model, Options).Fit(data)).Message);
    }

    [Fact]
    public void A_latent_longer_than_a_block_is_trained_in_blocks()
    {
        using var data = Small.Classes();
        var target = TargetNetwork.Input(4).Linear(600).Tanh().Linear(3).Build("wide");
        using var model = MappingNetwork.For(target).SingleLatent(2_500).Build();
        var start = Small.State(model);

        new Trainer(model, Options with { Epochs = 1 }).Fit(data);

        Assert.All(Small.State(model).Zip(start), pair => Assert.NotEqual(pair.Second, pair.First));
    }

    [Fact]
    public void A_trained_tensor_that_is_given_as_a_transpose_takes_the_step_of_its_copy_in_rows()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes();
        using var generator = new Generator(4);
        var start = (randn([23, 5], generator: generator) * 0.3).t();
        Assert.False(start.is_contiguous());
        int[] AfterOneStep(Tensor from)
        {
            using var model = GeneratedModel.For(Small.Classifier(), "matrix", [new("U", from)], trained => trained[0].reshape(-1));
            Assert.Equal(Small.Bits(start), Small.Bits(model.Trained[0]));
            new Trainer(model, Options with { Epochs = 1, BatchSize = 96 }).Fit(data);
            Assert.NotEqual(Small.Bits(start), Small.Bits(model.Trained[0]));
            return Small.Bits(model.Trained[0]);
        }

        Assert.Equal(AfterOneStep(start.contiguous()), AfterOneStep(start));
    }

    private static Model Make(string kind) => kind switch
    {
        "slvt" => Small.Slvt(),
        "lwt" => Small.Lwt(),
        "lwt with scales" => MappingNetwork.For(Small.Classifier()).LayerWise(24).WithTrainableScales().WithSeed(7).Build(),
        _ => DirectModel.For(Small.Classifier(), seed: 7),
    };
}
