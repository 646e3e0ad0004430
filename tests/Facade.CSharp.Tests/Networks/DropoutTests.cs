using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Dropout's share, its reproducible masks, and its absence from files and modules.</summary>
public sealed class DropoutTests
{
    [Fact]
    public void Dropout_drops_its_share_in_training_scales_the_rest_and_does_nothing_in_evaluation()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(20_000).Dropout(0.25).Add(new Gain()).Build();
        using var state = target.CreateState();
        Tensor[] gain = [ones(1)];
        var input = ones(2, 20_000);

        var dropped = target.Forward(input, gain, state, training: true);

        Assert.True(input.equal(target.Forward(input, gain, state, training: false)).all().item<bool>());
        Assert.Equal(1.0, dropped.mean().ToDouble(), 0.02);
        Assert.Equal(0.75, dropped.ne(0).to(float32).mean().ToDouble(), 0.01);
        Assert.True(dropped.eq(0).logical_or(dropped.eq((float)(1 / 0.75))).all().item<bool>());
    }

    [Fact]
    public void Dropout_draws_the_same_masks_from_the_same_seed_others_in_each_pass_layer_and_part()
    {
        using var scope = NewDisposeScope();
        static TargetNetwork Network(ulong seed = 0) => TargetNetwork.Input(300)
            .Dropout(0.5, seed).Sequence("part", part => part.Dropout(0.5, seed)).Linear(1).Build();
        static string[] Masks(TargetNetwork network, int passes)
        {
            using var state = network.CreateState();
            var weights = network.Parameters.Select(p => zeros([.. p.Shape])).ToArray();
            return [.. Enumerable.Range(0, passes).Select(_ =>
            {
                var input = ones(1, 300).requires_grad_();
                var taken = weights[0].clone().fill_(1).requires_grad_();
                network.Forward(input, [taken, weights[1]], state, training: true).sum().backward();
                return string.Concat(input.grad!.data<float>().Select(value => (char)('0' + (int)value)));
            })];
        }

        var first = Masks(Network(), 3);

        Assert.Equal(first, Masks(Network(), 3));
        Assert.Equal(3, first.Distinct().Count());
        Assert.Empty(first.Intersect(Masks(Network(1), 3)));
        // Both layers with one mask would leave half of the numbers, not a quarter.
        Assert.InRange(first[0].Count(value => value == '4'), 45, 105);
        using var start = Network().CreateState();
        Assert.NotEqual(start.Tensors[0].item<long>(), start.Tensors[1].item<long>());
    }

    [Fact]
    public void Files_and_modules_hold_nothing_of_a_dropout()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.Input(4).Linear(3).Dropout(0.5).Linear(2).Build();
        using var model = DirectModel.For(target, 1);
        model.Export(folder.File("weights.safetensors"));

        using var file = SafetensorsFile.Read(folder.File("weights.safetensors"));
        Assert.Equal(target.Parameters.Select(p => p.Name).Order(), file.Entries.Select(entry => entry.Name).Order());
        using var read = target.ReadWeights(folder.File("weights.safetensors"));
        using var plain = model.Materialize();
        Assert.Equal(target.Parameters.Select(p => p.Name), plain.state_dict().Keys);
        using var pretrained = PretrainedWeights.FromFile(folder.File("weights.safetensors"));
        using var tuned = FineTuning.Of(target, pretrained).Groups(4).Build();
        Assert.Equal([2L, 2], tuned.Predict(zeros(2, 4)).shape);
    }

    public static TheoryData<Func<TargetNetworkBuilder, TargetNetworkBuilder>> Skips =>
    [
        start => start.Residual(body => body.Linear(8).Dropout(0.5)),
        start => start.Residual(body => body.Linear(8, name: "body").Dropout(0.5), name: ""),
        start => start.Residual(body => body.Dropout(0.5), skip => skip.Dropout(0.5, name: "other")),
        start => start.Concatenate(body => body.Linear(8).Concatenate(inner => inner.Dropout(0.5))),
        start => start.Sequence("part", part => part.Residual(body => body.Residual(inner => inner.Linear(8).Dropout(0.5), name: ""), name: "")),
    ];

    [Theory]
    [MemberData(nameof(Skips))]
    public void A_plain_module_of_a_network_with_dropouts_in_skips_drops_in_training_alone(Func<TargetNetworkBuilder, TargetNetworkBuilder> skip)
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(skip(TargetNetwork.Input(8)).Linear(3).Build(), 1);
        using var module = model.Materialize();
        var input = Small.Uniform(16, 8);
        var expected = model.Predict(input);

        for (var pass = 0; pass < 3; pass++)
            Assert.True((expected - module.call(input)).abs().max().ToDouble() < 1e-5);
        module.train();
        Assert.False(module.call(input).equal(module.call(input)).all().item<bool>());
        module.eval();
        Assert.True((expected - module.call(input)).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Dropouts_of_a_body_and_its_shortcut_draw_masks_of_their_own()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(8).Residual(body => body.Dropout(), skip => skip.Dropout()).Linear(3).Build();

        Assert.Equal(["residual1.dropout1.place", "residual1.dropout2.place"], target.Buffers.Select(buffer => buffer.Name));
        using var state = target.CreateState();
        Assert.NotEqual(state.Tensors[0].item<long>(), state.Tensors[1].item<long>());
    }

    private sealed class Gain() : Layer(null)
    {
        public override string Kind => "Gain";
        public override string NamePrefix => "gain";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("weight", [1], 1)];
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input * parameters[0];
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();
    }
}
