using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Skips with layers on both sides, and parts without layers.</summary>
public sealed class SkipTests
{
    [Fact]
    public void Layers_of_one_kind_on_both_sides_of_a_skip_have_names_of_their_own()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(2, 6, 6)
            .Residual(body => body.Conv2d(8, 3, padding: 1, bias: false).Conv2d(8, 1, bias: false), skip => skip.Conv2d(4, 1, bias: false).Conv2d(8, 1, bias: false))
            .GlobalAveragePool2d().Linear(3, bias: false).Build();

        Assert.Equal(
            ["residual1.conv1.weight", "residual1.conv2.weight", "residual1.conv3.weight", "residual1.conv4.weight", "fc1.weight"],
            target.Parameters.Select(parameter => parameter.Name));
        using var model = DirectModel.For(target, 1);
        using var module = model.Materialize();
        var input = Small.Uniform(2, 2, 6, 6);
        Assert.True((model.Predict(input) - module.call(input)).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void A_shortcut_numbers_its_layers_from_1_where_the_body_has_no_such_weights()
    {
        var target = TargetNetwork.Input(2, 6, 6)
            .Residual(body => body.Conv2d(4, 3, padding: 1, name: "a").ReLU(), skip => skip.ReLU().Conv2d(4, 1)).Build();

        Assert.Equal(
            ["residual1.a.weight", "residual1.a.bias", "residual1.conv1.weight", "residual1.conv1.bias"],
            target.Parameters.Select(parameter => parameter.Name));
        // The names in it tell a resume file's network from others.
        Assert.Contains("{relu1 ReLU (2, 6, 6), conv1 Conv2d", target.DescribeFunction());
    }

    // One level of names cannot hold two modules of one name, whatever the weights in them are called.
    [Fact]
    public void Two_parts_of_one_name_on_a_level_are_refused_though_their_weights_differ()
    {
        static TargetNetworkBuilder Block(TargetNetworkBuilder start, string inner) =>
            start.Sequence("block", part => part.Linear(4, name: inner));

        foreach (var wrong in new Func<TargetNetworkBuilder>[]
        {
            () => TargetNetwork.Input(4).Residual(body => Block(body, "a"), name: "").Residual(body => Block(body, "b"), name: ""),
            () => Block(TargetNetwork.Input(4).Residual(body => Block(body, "a"), name: ""), "b"),
            () => Block(TargetNetwork.Input(4), "a").Residual(body => Block(body, "b"), name: ""),
            () => TargetNetwork.Input(4).Residual(body => Block(body, "a"), skip => Block(skip, "b")),
        })
        {
            var refusal = Assert.Throws<ArgumentException>(() => wrong());
            Assert.Contains("the part 'block' is there already, with other weights", refusal.Message);
        }
    }

    [Fact]
    public void A_skip_within_the_shortcut_has_a_name_of_its_own_beside_one_within_the_body()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(4).Residual(
            body => body.Residual(inner => inner.Linear(4, name: "a")), skip => skip.Residual(inner => inner.Linear(4, name: "b"))).Build();

        Assert.Equal(
            ["residual1.residual1.a.weight", "residual1.residual1.a.bias", "residual1.residual2.b.weight", "residual1.residual2.b.bias"],
            target.Parameters.Select(parameter => parameter.Name));
        using var model = DirectModel.For(target, 1);
        using var module = model.Materialize();
        var input = Small.Uniform(2, 4);
        Assert.True((model.Predict(input) - module.call(input)).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void A_part_without_layers_passes_its_input_on_and_leaves_it_to_its_owner()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(4).Sequence("first", part => part).Linear(3).Sequence("last", part => part).Build();
        var plain = TargetNetwork.Input(4).Linear(3).Build();
        var weights = LayerTests.SomeWeights(target);
        Tensor input, output;
        using (NewDisposeScope())
        {
            input = Small.Uniform(2, 4);
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            output = target.Forward(input, weights);
            Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            Assert.True(plain.Forward(input, weights).equal(output).all().item<bool>());
            using var module = target.ToModule(weights);
            Assert.True((output - module.call(input)).abs().max().ToDouble() < 1e-6);
        }

        Assert.True(input.IsInvalid);
        Assert.True(output.IsInvalid);
    }

    /// <summary>A layer that hands on what it gets.</summary>
    private sealed class Passing() : Layer(null)
    {
        public override string Kind => "Passing";
        public override string NamePrefix => "passing";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input;
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.Identity();
    }

    /// <summary>The same, of the layers with buffers.</summary>
    private sealed class PassingWithState() : StatefulLayer(null)
    {
        public override string Kind => "PassingWithState";
        public override string NamePrefix => "passing";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training) => input;
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) =>
            nn.Identity();
    }

    [Fact]
    public void Layers_that_hand_on_their_input_leave_it_to_its_owner()
    {
        using var scope = NewDisposeScope();
        var passing = TargetNetwork.Input(4).Sequence("first", part => part.Add(new Passing()).Add(new PassingWithState())).Linear(3).Build();
        var weights = LayerTests.SomeWeights(passing);
        Tensor input, alone, output;
        using (NewDisposeScope())
        {
            input = Small.Uniform(2, 4);
            alone = Small.Uniform(2, 4);
            output = passing.Forward(input, weights);
            Layer layer = new PassingWithState();
            layer.Forward(alone, []);
        }

        Assert.True(input.IsInvalid);
        Assert.True(alone.IsInvalid);
        Assert.True(output.IsInvalid);
    }
}
