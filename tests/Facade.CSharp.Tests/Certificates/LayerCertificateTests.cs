using MappingNets.Core;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Certificates;

/// <summary>Certificates of networks with every kind of layer, each attacked.</summary>
public sealed class LayerCertificateTests
{
    public static TheoryData<string> Networks => [.. LayerNetworks.Names];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Moving_one_tensor_moves_the_outputs_by_no_more_than_the_bound(string name)
    {
        using var scope = NewDisposeScope();
        using var model = LayerNetworks.Direct(name);
        var inputs = LayerNetworks.Inputs(model.Target, 6);
        var constants = new ModelConstants(model);
        var (shown, exact) = constants.Shown(inputs);
        foreach (var (tensor, place) in model.Trainables.Select((tensor, place) => (tensor, place)))
            foreach (var distance in new[] { 1e-3, 0.3 })
            {
                var closest = 0.0;
                var start = tensor.detach().clone();
                foreach (var direction in Directions(model, place, inputs))
                {
                    using (no_grad())
                        tensor.copy_(start + (direction / direction.norm() * distance));
                    var moved = new double[model.Trainables.Count];
                    moved[place] = (tensor.to(float64) - start.to(float64)).norm().item<double>();
                    var outputs = model.Predict(inputs).to(float64);
                    for (var sample = 0; sample < shown.Length; sample++)
                    {
                        var bound = OutputShift.outputs(constants.Steps, shown[sample], moved, TensorShiftModule.unitRoundoff);
                        var distanceOfOutputs = (outputs[sample] - exact[sample]).norm().item<double>();
                        Assert.True(distanceOfOutputs <= bound, $"{model.Target.Parameters[place].Name} by {distance}: {distanceOfOutputs} above {bound}");
                        closest = Math.Max(closest, distanceOfOutputs / bound);
                    }
                }

                using (no_grad())
                    tensor.copy_(start);
                Assert.True(closest > 0.01, $"{model.Target.Parameters[place].Name} by {distance}: {closest}");
            }
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void No_move_of_the_latents_within_the_radius_changes_a_prediction(string name)
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(LayerNetworks.Build(name)).LayerWise(30).WithAdditiveModulation(0.02).WithSeed(5).StartingWithin(0.5).Build();
        LayerNetworks.Shake(model);
        var inputs = LayerNetworks.Inputs(model.Target, 5);

        var certificate = model.Certify(inputs);

        Assert.Equal(BoundStatus.Assumed, certificate.Status);
        Assert.Contains(certificate.Radii, radius => radius > 1e-5);
        Assert.Equal(model.Mapping.Pieces.Select(piece => piece.Name).Order(), certificate.RadiiAlone.Keys.Order());
        Assert.All(certificate.RadiiAlone.Values, alone => Assert.All(alone.Zip(certificate.Radii), pair => Assert.True(pair.First >= pair.Second)));
        new Attack(model).Withstands(certificate, inputs);
    }

    [Theory]
    [InlineData("lwt, modulated")]
    [InlineData("lwt with scales")]
    [InlineData("direct")]
    [InlineData("mapping with scales")]
    [InlineData("two mappings")]
    [InlineData("lora and groups and a whole head")]
    public void A_part_that_moves_alone_may_move_farther_and_changes_no_prediction(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var inputs = LayerNetworks.Inputs(model.Target, 8);
        var certificate = model.Certify(inputs);
        Assert.True(certificate.RadiiAlone.Count > 1);
        Assert.Contains(certificate.RadiiAlone.Values, alone => alone.Zip(certificate.Radii).Any(pair => pair.First > 1.5 * pair.Second));
        var attack = new Attack(model);
        foreach (var (name, first, count) in Parts(model))
            foreach (var (radius, sample) in certificate.RadiiAlone[name].Select((radius, sample) => (radius, sample)).Where(pair => pair.radius > 0))
            {
                for (var step = 0; step < 2; step++)
                {
                    var slope = attack.Steepest(inputs[sample], certificate.Predictions[sample]);
                    var direction = zeros_like(slope);
                    direction.narrow(0, first, count).copy_(slope.narrow(0, first, count));
                    if (direction.norm().item<double>() == 0)
                        direction.narrow(0, first, count).fill_(1);
                    attack.MoveTo(direction, radius);
                    Assert.Equal(certificate.Predictions[sample], model.Predict(inputs)[sample].argmax().item<long>());
                }

                attack.Back();
            }
    }

    [Fact]
    public void An_embeddings_certificate_holds_for_tokens()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(
            TargetNetwork.Input(5).Embedding(7, 4).LayerNorm().Flatten().Linear(3).Build(), seed: 3);
        var tokens = randint(0, 7, [4, 5], dtype: int64, generator: new Generator(2));

        var certificate = model.Certify(tokens);

        Assert.Contains(certificate.Radii, radius => radius > 1e-4);
        new Attack(model).Withstands(certificate, tokens);
    }

    [Fact]
    public void An_embedding_has_no_lipschitz_constant_that_tokens_refute()
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(TargetNetwork.Input(3).Embedding(5, 4).Flatten().Linear(2).Build(), seed: 3);
        var certificate = model.Certify(tensor(new[] { 0L, 1, 4, 2, 2, 3 }).view(2, 3));
        foreach (var constants in new[] { certificate.Constants, model.Bounds(0.1).Constants })
        {
            Assert.DoesNotContain(
                constants, constant => constant.Name == "Lipschitz constant of embedding1" && (constant.Status, constant.Value) == (BoundStatus.Proven, 0));
            var tokens = constants.Single(constant => constant.Name == "move of the tokens of embedding1");
            Assert.Equal((BoundStatus.Proven, 0.0), (tokens.Status, tokens.Value));
            Assert.Contains("not established", tokens.Meaning);
        }

        Assert.Equal(BoundStatus.Assumed, certificate.Status);
        Assert.Contains(certificate.Radii, radius => radius > 1e-4);
    }

    [Fact]
    public void What_an_author_states_of_a_layer_is_assumed_and_without_it_or_its_rounding_nothing_is_certified()
    {
        using var scope = NewDisposeScope();
        using var stated = LayerNetworks.Direct("a user's layer");
        var constant = stated.Certify(zeros(1, 6)).Constants.Single(constant => constant.Name == "Lipschitz constant of gain1");
        Assert.Equal((2.0, BoundStatus.Assumed), (Math.Round(constant.Value, 6), constant.Status));
        Assert.Contains("stated", constant.Meaning);
        Assert.Equal(BoundStatus.Assumed, stated.Bounds(0.1, inputNorm: 1).OutputShift!.Status);

        using var unrounded = DirectModel.For(TargetNetwork.Input(6).Add(new LayerNetworks.Gain(isRoundingStated: false)).Linear(3).Build());
        Assert.Contains("'gain1'", Assert.Throws<NotSupportedException>(() => unrounded.Certify(zeros(1, 6))).Message);
        Assert.Equal(BoundStatus.Assumed, unrounded.Bounds(0.1, inputNorm: 1).OutputShift!.Status);
    }

    [Fact]
    public void Recurrent_layers_and_attention_have_bounds_and_no_certificate()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, target) in new[]
        {
            ("'lstm1' (LSTM)", TargetNetwork.Input(4, 3).Lstm(3).Linear(2).Build()),
            ("'residual1.gru1' (GRU)", TargetNetwork.Input(4, 3).Residual(body => body.Gru(3, wholeSequence: true)).Flatten().Linear(2).Build()),
            ("'attention1' (self-attention)", TargetNetwork.Input(4, 4).SelfAttention(2).Flatten().Linear(2).Build()),
        })
        {
            using var model = DirectModel.For(target, seed: 3);
            var inputs = LayerNetworks.Inputs(target, 6);
            inputs = inputs / inputs.flatten(1).norm(1).view(-1, 1, 1);
            Assert.Contains(name, Assert.Throws<NotSupportedException>(() => model.Certify(inputs)).Message);
            Assert.Contains(name, Assert.Throws<NotSupportedException>(() => model.OutputStability(0.1, inputs)).Message);

            var bounds = model.Bounds(0.2, inputNorm: 1);

            Assert.Equal(BoundStatus.Proven, bounds.OutputShift!.Status);
            Assert.Contains(bounds.Constants, constant => constant.Status == BoundStatus.NotEstablished && constant.Meaning.Contains(name, StringComparison.Ordinal));
            var here = model.Predict(inputs);
            var attack = new Attack(model);
            for (var sample = 0; sample < 6; sample++)
            {
                attack.MoveTo(attack.Steepest(inputs[sample], here[sample].argmax().item<long>()), 0.2);
                Assert.All((model.Predict(inputs) - here).norm(1).data<float>().ToArray(), moved => Assert.InRange(moved, 0, bounds.OutputShift.Value));
            }
        }
    }

    [Fact]
    public void A_bound_beyond_all_numbers_is_infinite_also_where_nothing_moves()
    {
        using var model = DirectModel.For(TargetNetwork.Input(600, 3).Lstm(3).Linear(2).Build(), seed: 3);
        using (no_grad())
            foreach (var weights in model.Trainables)
                weights.fill_(10);

        var bounds = model.Bounds(0, inputNorm: 1);

        Assert.Equal(0, bounds.WeightShift.Value);
        Assert.Equal(double.PositiveInfinity, bounds.OutputShift!.Value);
        Assert.Equal(BoundStatus.NotEstablished, bounds.OutputShift.Status);
    }

    [Fact]
    public void Dense_weights_are_assumed_and_matrix_free_ones_proven()
    {
        using var scope = NewDisposeScope();
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24);
        using var dense = mapping.WithFixedWeights(FixedWeightsKind.Dense).Build();
        using var free = mapping.WithFixedWeights(FixedWeightsKind.Hadamard).Build();
        Assert.Equal(BoundStatus.Assumed, dense.Bounds(0.1).WeightShift.Status);
        Assert.Contains("2e-6", dense.Bounds(0.1).WeightShift.Meaning);
        Assert.Equal(BoundStatus.Proven, free.Bounds(0.1).WeightShift.Status);
        Assert.All(dense.Bounds(0.1).Constants.Where(constant => constant.Name.StartsWith("move of", StringComparison.Ordinal)), constant => Assert.Equal(BoundStatus.Assumed, constant.Status));
    }

    private static IEnumerable<Tensor> Directions(Model model, int place, Tensor inputs)
    {
        var shape = model.Trainables[place].shape;
        for (var index = 0; index < 3; index++)
            yield return MappingLoss.noise(CounterHash.child((ulong)place, CounterHash.ofSeed(8)), index, 1, zeros(model.Trainables[place].numel())).view(shape);
        for (var sample = 0; sample < 4; sample++)
        {
            model.zero_grad();
            model.forward(inputs.narrow(0, sample, 1))[0, sample % 3].backward();
            var gradient = model.Trainables[place].grad;
            if (gradient is not null && gradient.norm().item<float>() > 0)
                yield return gradient.clone();
            model.zero_grad();
        }
    }

    /// <summary>The parts of the small models by name, with their place among all trained parameters.</summary>
    private static IEnumerable<(string Name, long First, long Count)> Parts(Model model)
    {
        var first = 0L;
        foreach (var (name, tensor) in model.TrainableNames.Zip(model.Trainables))
        {
            if (model is MappedModel mapped && name == "latent")
                foreach (var piece in mapped.Mapping.Pieces)
                    yield return (piece.Name, piece.FirstLatent, piece.LatentCount);
            else if (name == "latent" && model.Movers().Any(mover => mover.Name == "latent of fc1"))
            {
                yield return ("latent of fc1", 0, 6);
                yield return ("latent of fc2", 6, 6);
            }
            else
                yield return (name, first, tensor.numel());
            first += tensor.numel();
        }
    }
}
