using MappingNets.Experiments.Rivals;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The methods that `rivals` compares with this library's own.</summary>
public sealed class RivalTests
{
    private const int Budget = 320;

    /// <summary>2,643 weights: large enough that low rank saves something.</summary>
    internal static TargetNetwork Target() => TargetNetwork.Input(40).Linear(60).Tanh().Linear(3).Build("forty");

    internal static Dataset Data()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var inputs = randn([96, 40], generator: generator);
        return Dataset.FromTensors(inputs, inputs.matmul(randn([40, 3], generator: generator)).argmax(1), ["a", "b", "c"]);
    }

    private static GeneratedModel Build(string method, TargetNetwork target, int budget, ulong seed) => method switch
    {
        HyperNetwork.Method => HyperNetwork.Build(target, budget, seed),
        RandomSubspace.Method => RandomSubspace.Build(target, budget, seed),
        FastfoodSubspace.Method => FastfoodSubspace.Build(target, budget, seed),
        Pranc.Method => Pranc.Build(target, budget, seed),
        Pranc.StructuredMethod => Pranc.BuildStructured(target, budget, seed),
        Nola.Method => Nola.Build(target, budget, seed),
        UniLora.Method => UniLora.Build(target, budget, seed),
        Mcnc.Method => Mcnc.Build(target, budget, seed),
        Mcnc.LowRankMethod => Mcnc.BuildLowRank(target, budget, seed),
        _ => throw new InvalidOperationException(method),
    };

    /// <summary>A method and how many of 320 numbers it trains.</summary>
    public static TheoryData<string, long> Methods => new()
    {
        { HyperNetwork.Method, 301 },
        { RandomSubspace.Method, 320 },
        { FastfoodSubspace.Method, 320 },
        { Pranc.Method, 320 },
        { Pranc.StructuredMethod, 320 },
        { Nola.Method, 318 },
        { UniLora.Method, 320 },
        { Mcnc.Method, 320 },
        { Mcnc.LowRankMethod, 320 },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public void Each_trains_its_budget_learns_and_is_decided_by_its_seed(string method, long trained)
    {
        using var scope = NewDisposeScope();
        using var data = Data();
        using var model = Build(method, Target(), Budget, 3);
        using var again = Build(method, Target(), Budget, 3);
        using var other = Build(method, Target(), Budget, 4);

        Assert.Equal((method, trained), (model.Method, model.TrainableCount));
        Assert.Equal(Small.Bits(model.FlatWeights()), Small.Bits(again.FlatWeights()));
        Assert.NotEqual(Small.Bits(model.FlatWeights()), Small.Bits(other.FlatWeights()));

        var report = new Trainer(model, new() { Epochs = 40, BatchSize = 32 }).Fit(data);

        Assert.True(report.History[^1].TrainingLoss < 0.7 * report.History[0].TrainingLoss);
        // One in three is right by chance.
        Assert.InRange(report.History[^1].TrainingAccuracy!.Value, 0.6, 1);
    }

    [Theory]
    [InlineData(RandomSubspace.Method)]
    [InlineData(FastfoodSubspace.Method)]
    [InlineData(Nola.Method)]
    [InlineData(Mcnc.Method)]
    [InlineData(Mcnc.LowRankMethod)]
    public void Those_with_a_start_begin_where_direct_training_does(string method)
    {
        using var scope = NewDisposeScope();
        using var direct = DirectModel.For(Target(), seed: 3);
        using var model = Build(method, Target(), Budget, 3);

        Assert.Equal(Small.Bits(direct.FlatWeights()), Small.Bits(model.FlatWeights()));
    }

    [Theory]
    [InlineData(Pranc.Method)]
    [InlineData(Pranc.StructuredMethod)]
    public void A_sum_of_random_networks_starts_as_spread_as_one_and_with_scales_around_one(string method)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(3, 8, 8).Conv2d(40, 3, name: "conv").BatchNorm2d(name: "norm").ReLU().GlobalAveragePool2d().Linear(3).Build("normed");
        using var model = Build(method, target, 300, 3);
        var weights = target.Parameters.Zip(model.FlatWeights().split([.. target.Parameters.Select(parameter => parameter.Count)]))
            .ToDictionary(pair => pair.First.Name, pair => pair.Second);

        // Uniform within 1 / sqrt(27).
        Assert.InRange(weights["conv.weight"].square().mean().sqrt().item<float>() * Math.Sqrt(3 * 27), 0.85, 1.15);
        Assert.InRange(weights["norm.weight"].mean().item<float>(), 0.6f, 1.4f);
        Assert.InRange(weights["norm.bias"].mean().item<float>(), -0.4f, 0.4f);
    }

    [Fact]
    public void NOLA_gives_each_factor_as_many_coefficients_as_fit_and_none_more_than_it_has_numbers()
    {
        using var scope = NewDisposeScope();
        using var model = Nola.Build(Target(), 200, 3);
        using var data = Data();

        // The factors of 60 x 40 at rank 8 are 480 and 320 numbers, its biases 60; the matrix of 3 x 60 has no smaller factors, 180 and 3.
        Assert.Equal((4 * 49) + 3, model.TrainableCount);
        Assert.Throws<ArgumentOutOfRangeException>("budget", () => Nola.Build(Target(), 4, 3));

        // Low rank: what training changes of the large matrix has at most eight directions.
        using var start = new StartingPoint(Target(), 3);
        new Trainer(model, new() { Epochs = 3, BatchSize = 32 }).Fit(data);
        var change = (model.FlatWeights() - start.Theta).narrow(0, 0, 2_400).view(60, 40);
        var singular = linalg.svdvals(change).data<float>().ToArray();
        Assert.True(singular[7] > 1e-3 * singular[0] && singular[8] < 1e-4 * singular[0], string.Join(' ', singular.Take(10)));
    }

    [Fact]
    public void A_hypernetwork_for_CNN2_trains_1875_numbers_and_a_budget_below_is_refused()
    {
        using var model = HyperNetwork.Build(MappingNets.Targets.Cnn2(), 2_048, 1);

        Assert.Equal(1_875, model.TrainableCount);
        Assert.Throws<ArgumentOutOfRangeException>("budget", () => HyperNetwork.Build(MappingNets.Targets.Cnn2(), 1_800, 1));
    }

    [Theory]
    [InlineData(RandomSubspace.Method, 0.15)]
    [InlineData(FastfoodSubspace.Method, 1e-4)]
    public void The_rows_of_a_subspace_have_the_length_one(string method, double within)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        const int Width = 256;
        using var model = Build(method, Target(), Width, 3);
        using var start = new StartingPoint(Target(), 3);
        var squares = zeros(Target().ParameterCount);
        for (var column = 0; column < Width; column++)
        {
            model.Trained[0].zero_();
            model.Trained[0][column] = 1;
            squares.add_(((model.FlatWeights() - start.Theta) / start.Scale).square());
        }

        Assert.InRange(squares.min().item<float>(), 1 - (3 * within), 1 + within);
        Assert.InRange(squares.mean().item<float>(), 1 - (within / 10), 1 + (within / 10));
        Assert.InRange(squares.max().item<float>(), 1 - within, 1 + (3 * within));
    }

    [Fact]
    public void Fastfood_pads_a_budget_that_is_no_power_of_two()
    {
        using var model = FastfoodSubspace.Build(Target(), 100, 3);
        Assert.Equal(100, model.TrainableCount);
    }

    [Fact]
    public void The_constants_of_the_rivals_are_spread_as_they_say()
    {
        using var scope = NewDisposeScope();
        using var uniform = SeededTensors.Uniform(SeededTensors.Key(1, "u"), 2, 300, 1_000);
        using var normal = SeededTensors.NearlyNormal(SeededTensors.Key(1, "n"), 50_000);
        using var permutations = SeededTensors.Permutations(SeededTensors.Key(1, "p"), 3, 64);
        using var signs = SeededTensors.Signs(SeededTensors.Key(1, "s"), 10_000);

        Assert.InRange(uniform.abs().max().item<float>(), 1.99f, 2f);
        Assert.InRange(uniform.square().mean().item<float>(), 1.32f, 1.35f);
        // More than one block of them: no block repeats another.
        Assert.NotEqual(Small.Bits(uniform[0]), Small.Bits(uniform[263]));
        Assert.InRange(normal.mean().item<float>(), -0.03f, 0.03f);
        Assert.InRange(normal.square().mean().item<float>(), 0.95f, 1.05f);
        Assert.Equal(zeros([3, 64], dtype: int64) + arange(64), permutations.sort(1).Values);
        Assert.NotEqual(permutations[0], permutations[1]);
        Assert.Equal(1f, signs.abs().min().item<float>());
        Assert.InRange(signs.mean().item<float>(), -0.05f, 0.05f);
    }
}
