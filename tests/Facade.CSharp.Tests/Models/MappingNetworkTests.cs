using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class MappingNetworkTests
{
    private static MappingNetwork Cnn2 => MappingNetwork.For(MappingNets.Targets.Cnn2());

    private static MappingNetwork Tiny => MappingNetwork.For(Small.Classifier()).SingleLatent(3);

    [Fact]
    public void The_papers_two_models_have_their_numbers_of_latents()
    {
        using var single = Cnn2.SingleLatent(2048).WithSeed(7).Build();
        using var layers = Cnn2.LayerWise(2688).Build();
        using var explicitly = Cnn2.LayerWise(("conv1", 160), ("conv2", 1200), ("fc1", 1200), ("fc2", 128)).Build();

        Assert.Equal((2048L, "slvt", "signed-permutation", 7ul), (single.TrainableCount, single.Method, single.FixedWeightsName, single.Seed));
        Assert.Equal([2048L], single.Latent.shape);
        Assert.Equal([KeyValuePair.Create("theta", 2048)], single.LatentSplit);
        Assert.Equal((2688L, "lwt"), (layers.TrainableCount, layers.Method));
        Assert.Equal(["conv1", "conv2", "fc1", "fc2"], layers.LatentSplit.Select(pair => pair.Key));
        Assert.Equal(2688, layers.LatentSplit.Sum(pair => pair.Value));
        Assert.Equal([160, 1200, 1200, 128], explicitly.LatentSplit.Select(pair => pair.Value));
        Assert.Null(single.TrainableScales);
    }

    [Fact]
    public void The_line_of_trainable_parameters_is_the_one_adapter_users_know()
    {
        using var single = Cnn2.SingleLatent(2048).Build();
        using var scaled = Tiny.WithTrainableScales().Build();
        using var direct = DirectModel.For(MappingNets.Targets.Cnn2());

        Assert.Equal("trainable: 2,048 | target: 108,618 | 1.89% (53x)", single.DescribeTrainableParameters());
        Assert.Equal("trainable: 7 | target: 115 | 6.09% (16.4x)", scaled.DescribeTrainableParameters());
        Assert.Equal("trainable: 108,618 | target: 108,618 | 100% (1x)", direct.DescribeTrainableParameters());
    }

    [Fact]
    public void A_description_is_a_value_that_can_be_continued_in_two_ways()
    {
        var trunk = Tiny.WithSeed(3);
        using var one = trunk.WithTrainableScales().Build();
        using var other = trunk.WithSeed(4).Build();

        Assert.Equal((7L, 3ul), (one.TrainableCount, one.Seed));
        Assert.Equal((3L, 4ul), (other.TrainableCount, other.Seed));
    }

    [Fact]
    public void Without_any_step_there_is_one_latent_for_each_53_weights_and_at_least_one()
    {
        using var cnn2 = Cnn2.Build();
        using var tiny = MappingNetwork.For(TargetNetwork.Input(2).Linear(1).Build()).Build();

        Assert.Equal(108_618 / 53, cnn2.TrainableCount);
        Assert.Equal(1, tiny.TrainableCount);
    }

    [Fact]
    public void Each_step_changes_the_generated_weights()
    {
        using var scope = NewDisposeScope();
        MappingNetwork start = Tiny.StartingWithin(0.5);
        MappingNetwork[] changed =
        [
            start, start.WithSeed(1), start.SingleLatent(4), start.LayerWise(3), start.LayerWise(("fc1", 1), ("fc2", 2)),
            start.WithFixedWeights(FixedWeightsKind.Hadamard), start.WithFixedWeights(FixedWeightsKind.Dense),
            start.WithAdditiveModulation(0.1), start.WithLinearModulation(full([115, 3, 3], 0.1)),
            start.WithModulation("half", z => z.unsqueeze(0).expand(115, 3) * 0.5), start.WithActivation(MappingActivation.Tanh),
            start.WithActivation(MappingActivation.Sine), start.WithBias(MappingBias.Zero), start.WithGain(2), start.WithScales(1, 2, 3, 4),
            start.StartingWithin(0.25),
        ];

        var weights = changed.Select(description =>
        {
            using var model = description.Build();
            return string.Join(" ", Small.Bits(model.FlatWeights()));
        }).ToArray();

        Assert.Equal(weights.Length, weights.Distinct().Count());
        using var none = start.WithAdditiveModulation(0.1).WithoutModulation().Build();
        Assert.Equal(weights[0], string.Join(" ", Small.Bits(none.FlatWeights())));
    }

    [Fact]
    public void With_a_uniform_bias_and_a_start_at_zero_weights_start_as_PyTorch_starts_them()
    {
        using var model = Tiny.Build();
        using var direct = DirectModel.For(Small.Classifier());
        using var module = model.Materialize();

        foreach (var (parameter, specification) in module.parameters().Zip(model.Target.Parameters))
        {
            var bound = 1 / Math.Sqrt(specification.FanIn);
            // The largest of few numbers may be small by chance.
            Assert.InRange(parameter.abs().max().item<float>(), specification.Count < 10 ? 0 : 0.8 * bound, bound);
        }

        Assert.Equal(Small.Bits(model.FlatWeights()), Small.Bits(direct.FlatWeights()));
    }

    /// <summary>A wrong step or build, the argument that the refusal names, and what it says.</summary>
    public static TheoryData<string, string, string> Refusals => new()
    {
        { "no target", "target", "null" },
        { "d of zero", "latents", "from 1 to its number of weights P, 115" },
        { "d below zero", "latents", "from 1 to its number of weights P, 115" },
        { "d above P", "latents", "from 1 to its number of weights P, 115" },
        { "budget below the layers", "latents", "needs from 2 latents" },
        { "budget above P", "latents", "to 115 (one a weight)" },
        { "power of NaN", "power", "finite" },
        { "unknown layer", "latents", "names the layers [fc1, fc9]; 'small-classifier' has, in this order, [fc1, fc2]" },
        { "missing layer", "latents", "names the layers [fc1]" },
        { "wrong order", "latents", "names the layers [fc2, fc1]" },
        { "repeated layer", "latents", "names the layers [fc1, fc1]" },
        { "layer of zero", "latents", "layer 'fc2' must be from 1 to its number of weights, 45" },
        { "layer above its weights", "latents", "layer 'fc2' must be from 1 to its number of weights, 45" },
        { "no layers", "latents", "null" },
        { "alpha of NaN", "alpha", "finite" },
        { "alpha of infinity", "alpha", "finite" },
        { "gain of NaN", "gain", "positive finite" },
        { "gain of infinity", "gain", "positive finite" },
        { "gain of zero", "gain", "positive finite" },
        { "amplitude of NaN", "amplitude", "finite" },
        { "too few scales", "scales", "There are 3 scales; 'small-classifier' has 4 weight tensors" },
        { "scale of NaN", "scales", "scale of 'fc2.weight'" },
        { "no scales", "scales", "null" },
        { "fixed weights of no kind", "kind", "no such kind" },
        { "activation of no kind", "activation", "no such activation" },
        { "bias of no kind", "bias", "no such bias" },
        { "no map", "map", "null" },
        { "map for another P", "map", "(114, 3, 3); it must be (P, d, d) with P = 115" },
        { "map of integers", "map", "must be floats" },
        { "map with NaN", "map", "not finite" },
        { "map for another d", "modulation", "it must be (115, 3, 3)" },
        { "map for layers", "specification", "for a single latent" },
        { "no function", "matrix", "null" },
        { "function without a name", "name", "" },
        { "function with a wrong shape", "matrix", "gave (3, 3) for a latent of (3); M(z) must have the shape (115, 3)" },
        { "function with nothing", "matrix", "gave null" },
        { "function for layers", "specification", "for a single latent" },
        { "zero bias and a start at zero", "specification", "cannot learn" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_wrong_step_is_refused_by_name(string what, string argument, string message)
    {
        using var scope = NewDisposeScope();
        Func<object> wrong = what switch
        {
            "no target" => () => MappingNetwork.For(null!),
            "d of zero" => () => Tiny.SingleLatent(0),
            "d below zero" => () => Tiny.SingleLatent(-1),
            "d above P" => () => Tiny.SingleLatent(116),
            "budget below the layers" => () => Tiny.LayerWise(1),
            "budget above P" => () => Tiny.LayerWise(116),
            "power of NaN" => () => Tiny.LayerWise(10, double.NaN),
            "unknown layer" => () => Tiny.LayerWise(("fc1", 1), ("fc9", 1)),
            "missing layer" => () => Tiny.LayerWise(("fc1", 1)),
            "wrong order" => () => Tiny.LayerWise(("fc2", 1), ("fc1", 1)),
            "repeated layer" => () => Tiny.LayerWise(("fc1", 1), ("fc1", 1)),
            "layer of zero" => () => Tiny.LayerWise(("fc1", 1), ("fc2", 0)),
            "layer above its weights" => () => Tiny.LayerWise(("fc1", 1), ("fc2", 46)),
            "no layers" => () => Tiny.LayerWise(null!),
            "alpha of NaN" => () => Tiny.WithAdditiveModulation(double.NaN),
            "alpha of infinity" => () => Tiny.WithAdditiveModulation(double.PositiveInfinity),
            "gain of NaN" => () => Tiny.WithGain(double.NaN),
            "gain of infinity" => () => Tiny.WithGain(double.PositiveInfinity),
            "gain of zero" => () => Tiny.WithGain(0),
            "amplitude of NaN" => () => Tiny.StartingWithin(double.NaN),
            "too few scales" => () => Tiny.WithScales(1, 1, 1),
            "scale of NaN" => () => Tiny.WithScales(1, 1, double.NaN, 1),
            "no scales" => () => Tiny.WithScales(null!),
            "fixed weights of no kind" => () => Tiny.WithFixedWeights((FixedWeightsKind)9),
            "activation of no kind" => () => Tiny.WithActivation((MappingActivation)9),
            "bias of no kind" => () => Tiny.WithBias((MappingBias)9),
            "no map" => () => Tiny.WithLinearModulation(null!),
            "map for another P" => () => Tiny.WithLinearModulation(zeros(114, 3, 3)),
            "map of integers" => () => Tiny.WithLinearModulation(zeros([115, 3, 3], ScalarType.Int64)),
            "map with NaN" => () => Tiny.WithLinearModulation(full([115, 3, 3], float.NaN)),
            "map for another d" => () => Tiny.WithLinearModulation(zeros(115, 2, 2)).Build(),
            "map for layers" => () => Tiny.LayerWise(4).WithLinearModulation(zeros(115, 2, 2)).Build(),
            "no function" => () => Tiny.WithModulation("mine", null!),
            "function without a name" => () => Tiny.WithModulation(" ", z => z),
            "function with a wrong shape" => () => Tiny.WithModulation("mine", z => zeros(3, 3)).Build(),
            "function with nothing" => () => Tiny.WithModulation("mine", z => null!).Build(),
            "function for layers" => () => Tiny.LayerWise(4).WithModulation("mine", z => zeros(115, 2)).Build(),
            "zero bias and a start at zero" => () => Tiny.WithBias(MappingBias.Zero).Build(),
            _ => throw new InvalidOperationException(what),
        };

        var refusal = Assert.ThrowsAny<ArgumentException>(() => { wrong(); });

        Assert.Equal(argument, refusal.ParamName);
        Assert.Contains(message, refusal.Message);
    }

    [Fact]
    public void A_bias_of_zero_learns_from_another_start()
    {
        using var model = Tiny.WithBias(MappingBias.Zero).StartingWithin(0.1).Build();

        Assert.All(Small.Values(model.Latent), number => Assert.InRange(number, -0.1f, 0.1f));
        Assert.Contains(Small.Values(model.Latent), number => number != 0);
    }
}
