using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Certificates;

/// <summary>What is certified of trained models, attacked at the edge of each radius and held against what is true.</summary>
public sealed class CertificateTests
{
    public static TheoryData<string> Kinds => [.. ModelKinds.All.Except(["generated", "gates and scales"]), "convolution", "hadamard", "dense", "linear modulation"];

    private static Model Build(string kind)
    {
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithSeed(7).StartingWithin(0.5);
        return kind switch
        {
            "convolution" => MappingNetwork.For(Small.Images()).SingleLatent(20).WithSeed(3).StartingWithin(0.5).Build(),
            "hadamard" => mapping.WithFixedWeights(FixedWeightsKind.Hadamard).Build(),
            "dense" => mapping.WithFixedWeights(FixedWeightsKind.Dense).Build(),
            "linear modulation" => mapping.SingleLatent(6).WithLinearModulation(linspace(-0.1, 0.1, 115 * 36).view(115, 6, 6)).Build(),
            _ => ModelKinds.Build(kind),
        };
    }

    private static Tensor Inputs(Model model, int count) => Core.MappingLoss.noise(
        Core.CounterHash.ofSeed(11), 0, 1, zeros(count * model.Target.InputShape.Aggregate(1L, (product, size) => product * size)))
        .view([count, .. model.Target.InputShape]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_move_within_the_radius_changes_a_prediction(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Build(kind);
        var inputs = Inputs(model, 12);
        var before = Small.State(model);

        var certificate = model.Certify(inputs);

        Assert.Equal(before, Small.State(model));
        Assert.Equal(certificate.Predictions, model.Predict(inputs).argmax(1).data<long>().ToArray());
        Assert.Equal(BoundStatus.Assumed, certificate.Status);
        Assert.Contains(certificate.Radii, radius => radius > 1e-4);
        new Attack(model).Withstands(certificate, inputs);
    }

    [Fact]
    public void The_radius_of_a_linear_network_is_near_the_true_distance_and_never_above_it()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(4).Linear(2).Build("linear"), seed: 5);
        var inputs = Inputs(model, 12);
        var certificate = model.Certify(inputs);

        foreach (var (radius, sample) in certificate.Radii.Select((radius, sample) => (radius, sample)))
        {
            // The scores' difference is linear in (w, b), with a slope of sqrt(2) times the norm of (x, 1).
            var norm = inputs[sample].norm().item<float>();
            var distance = certificate.Margins[sample] / Math.Sqrt(2 * ((norm * norm) + 1));
            Assert.InRange(radius, 0.7 * distance, distance);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_weights_stay_within_their_bound_at_the_edge_of_the_ball(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Build(kind);
        var start = model.FlatWeights().to(float64);
        var attack = new Attack(model);
        foreach (var radius in new[] { 0.01, 0.7 })
        {
            var bound = model.Bounds(radius).WeightShift;
            Assert.Equal(kind == "dense" ? BoundStatus.Assumed : BoundStatus.Proven, bound.Status);
            foreach (var direction in attack.Random(10, 3))
            {
                attack.MoveTo(direction, radius);
                var moved = (model.FlatWeights().to(float64) - start).norm().item<double>();
                Assert.InRange(moved, 0, bound.Value * (1 + 1e-5));
            }

            attack.Back();
        }
    }

    [Fact]
    public void The_bound_of_a_mappings_tensor_is_reached_along_its_top_direction()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(TargetNetwork.Input(6).Linear(5, bias: false).Build("one")).SingleLatent(7).WithSeed(2).Build();
        var jacobian = stack([.. Enumerable.Range(0, 7).Select(column => Moved(model, eye(7, dtype: float64)[column], 1))], 1);
        var (_, _, right) = linalg.svd(jacobian);

        var reached = Moved(model, right[0], 0.5).norm().item<double>();

        Assert.InRange(reached / model.Bounds(0.5).WeightShift.Value, 0.999, 1.00001);

        static Tensor Moved(Model model, Tensor direction, double radius)
        {
            var start = model.FlatWeights().to(float64);
            var attack = new Attack(model);
            attack.MoveTo(direction, radius);
            var moved = model.FlatWeights().to(float64) - start;
            attack.Back();
            return moved;
        }
    }

    [Fact]
    public void Outputs_of_inputs_up_to_the_norm_stay_within_their_bound()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Lwt();
        var inputs = Inputs(model, 12);
        inputs = inputs / inputs.norm(1, keepdim: true) * 2;
        var bounds = model.Bounds(0.3, inputNorm: 2);
        var here = model.Predict(inputs);
        var attack = new Attack(model);
        foreach (var direction in attack.Random(20, 5))
        {
            attack.MoveTo(direction, 0.3);
            Assert.All((model.Predict(inputs) - here).norm(1).data<float>().ToArray(), moved => Assert.InRange(moved, 0, bounds.OutputShift!.Value));
        }

        Assert.Null(model.Bounds(0.3).OutputShift);
    }

    [Fact]
    public void The_move_of_the_outputs_is_assumed_where_single_precision_generates_the_weights()
    {
        using var scope = NewDisposeScope();
        using var mapped = Small.Slvt();
        using var direct = DirectModel.For(Small.Classifier(), seed: 7);

        var (generated, held) = (mapped.Bounds(0.3, inputNorm: 2), direct.Bounds(0.3, inputNorm: 2));

        Assert.Equal((BoundStatus.Proven, BoundStatus.Assumed), (generated.WeightShift.Status, generated.OutputShift!.Status));
        Assert.Contains("single precision", generated.OutputShift.Meaning);
        Assert.Equal((BoundStatus.Proven, BoundStatus.Proven), (held.WeightShift.Status, held.OutputShift!.Status));
        Assert.DoesNotContain("single precision", held.OutputShift.Meaning);
    }

    [Fact]
    public void Parts_of_one_name_are_told_apart()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(TargetNetwork.Input(4).Linear(3, name: "scales").Build()).LayerWise(3).WithTrainableScales().Build();

        var certificate = model.Certify(Inputs(model, 2));

        Assert.Equal(["scales", "scales (2)"], certificate.RadiiAlone.Keys);
        Assert.All(certificate.RadiiAlone.Values, radii => Assert.All(radii.Zip(certificate.Radii), pair => Assert.True(pair.First >= pair.Second)));
    }

    [Fact]
    public void Noise_moves_outputs_no_farther_than_its_bound_and_the_model_is_as_before()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();
        var inputs = Inputs(model, 12);
        var before = Small.State(model);

        var noise = model.OutputStability(0.01, inputs, draws: 8);

        Assert.Equal(before, Small.State(model));
        Assert.Equal(0.999, noise.Probability);
        Assert.Equal(0.01 * (Math.Sqrt(24) + Math.Sqrt(2 * Math.Log(1000))), noise.NoiseNorm, 10);
        foreach (var (bound, square) in noise.Bounds.Zip(noise.SampledMeanSquares))
        {
            Assert.True(square > 0);
            Assert.True(Math.Sqrt(square) < bound, $"{Math.Sqrt(square)} beside {bound}");
        }

        var still = model.OutputStability(0, inputs, draws: 1);
        Assert.All(still.SampledMeanSquares, square => Assert.Equal(0, square));
        Assert.All(still.Bounds, bound => Assert.InRange(bound, 1e-9, 1e-4));
    }

    [Fact]
    public void What_has_no_bound_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var points = zeros(1, 4);
        using var generated = ModelKinds.Build("generated");
        Refused("'wave'", () => generated.Certify(points));
        Refused("'wave'", () => generated.Bounds(1));
        using var gated = ModelKinds.Build("gates and scales");
        Refused("gates", () => gated.Certify(points));
        Refused("gates", () => gated.Bounds(1));
        using var custom = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithModulation("twist", z => zeros(115, 24) + z.sin()).Build();
        Refused("custom modulation 'twist'", () => custom.Certify(points));
        using var low = MappingNetwork.For(TargetNetwork.Input(4).Linear(14).Tanh().Linear(3).Build("low").LowRank("fc1", 2)).SingleLatent(9).Build();
        Refused("products of two factors", () => low.OutputStability(0.1, points));
        using var module = nn.Linear(4, 3);
        using var borrowed = TargetNetwork.From(module, points);
        using var foreign = MappingNetwork.For(borrowed).SingleLatent(5).Build();
        Refused("layers are not known", () => foreign.Certify(points));
        // Its weights have bounds all the same, and what is missing is said.
        var missing = foreign.Bounds(0.1, inputNorm: 1);
        Assert.True(double.IsFinite(missing.WeightShift.Value));
        Assert.Equal(BoundStatus.NotEstablished, missing.OutputShift!.Status);
        Assert.Contains(missing.Constants, constant => constant.Status == BoundStatus.NotEstablished);

        static void Refused(string name, Func<object> work) => Assert.Contains(name, Assert.Throws<NotSupportedException>(work).Message);
    }

    [Fact]
    public void What_is_out_of_range_is_refused_by_its_argument()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();
        using var number = MappingNetwork.For(Small.Regressor()).SingleLatent(8).Build();
        Assert.Throws<ArgumentOutOfRangeException>("radius", () => model.Bounds(-1));
        Assert.Throws<ArgumentOutOfRangeException>("radius", () => model.Bounds(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("inputNorm", () => model.Bounds(1, inputNorm: double.PositiveInfinity));
        Assert.Throws<ArgumentOutOfRangeException>("sigma", () => model.OutputStability(-0.1, zeros(1, 4)));
        Assert.Throws<ArgumentOutOfRangeException>("risk", () => model.OutputStability(0.1, zeros(1, 4), risk: 0));
        Assert.Throws<ArgumentOutOfRangeException>("draws", () => model.OutputStability(0.1, zeros(1, 4), draws: 0));
        Assert.Throws<ArgumentException>("input", () => number.Certify(zeros(1, 4)));
        Assert.Contains("(N, 4)", Assert.Throws<ArgumentException>("input", () => model.Certify(zeros(1, 5))).Message);
        Assert.Throws<ArgumentException>("input", () => model.Certify(full([1, 4], float.NaN)));
        Assert.Throws<ArgumentException>("input", () => model.OutputStability(0.1, full([1, 4], float.PositiveInfinity)));
        Assert.Contains("(0, 4)", Assert.Throws<ArgumentException>("input", () => model.Certify(zeros(0, 4))).Message);
        Assert.Contains("(0, 4)", Assert.Throws<ArgumentException>("input", () => model.OutputStability(0.1, zeros(0, 4))).Message);
    }

    [Fact]
    public void A_tie_and_scores_as_close_as_rounding_have_the_radius_zero()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(4).Linear(2).Build("tie"), seed: 5);
        using (no_grad())
        {
            foreach (var tensor in model.Trainables)
                tensor.fill_(0.5f);
            model.Trainables[1][0] = 0.5f + 6e-8f;
        }

        Assert.Equal([0.0], model.Certify(ones(1, 4)).Radii);
    }
}
