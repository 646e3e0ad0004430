using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Gradients through a model in whatever order its user runs things. Every case is held to a plain one: a pass and its backward pass
/// with nothing in between, which itself is held to the definition in double precision.
/// </summary>
public sealed class ModelGradientTests
{
    public static TheoryData<string> Kinds => [.. ModelKinds.All];

    private static Tensor Points(int count, double from = -1) => linspace(from, 1.5, count * 4, dtype: float32).reshape(count, 4);

    private static float[] Plain(Model model, Tensor input)
    {
        model.call(input).square().sum().backward();
        return ModelKinds.TakeGradients(model);
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt, modulated")]
    [InlineData("tanh")]
    [InlineData("slvt, streamed")]
    [InlineData("lwt, modulated, streamed")]
    public void The_gradient_is_that_of_the_definition(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = (MappedModel)ModelKinds.Build(kind);
        var input = Points(5);
        // In double precision nothing is fused: theta is put together from tensor operations.
        var latent = model.Latent.detach().to(float64).requires_grad_();
        var outputs = model.Target.Forward(input.to(float64), model.Target.Layout.Split(model.Mapping.Generate(latent)));
        outputs.square().sum().backward();
        var expected = latent.grad!;

        var mine = model.call(input);
        mine.square().sum().backward();

        Assert.True((mine - outputs).abs().max().ToDouble() <= 1e-5);
        Assert.True((model.Latent.grad! - expected).abs().max().ToDouble() <= 1e-5 * expected.abs().max().ToDouble());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Two_passes_before_one_backward_pass_add_their_gradients(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var (one, other) = (Points(3), Points(6, from: -2));
        var expected = Plain(model, one).Zip(Plain(model, other), (first, second) => first + second);

        var first = model.call(one);
        var second = model.call(other);
        (first.square().sum() + second.square().sum()).backward();

        AssertClose([.. expected], ModelKinds.TakeGradients(model));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_evaluation_between_the_passes_changes_nothing(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var input = Points(4);
        var expected = Plain(model, input);

        var outputs = model.call(input);
        using (no_grad())
            model.call(Points(7));
        model.Predict(Points(2));
        model.FlatWeights();
        outputs.square().sum().backward();

        Assert.Equal(expected, ModelKinds.TakeGradients(model));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_trained_tensor_that_changes_between_the_passes_leaves_the_gradient_or_is_refused(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var input = Points(4);
        var expected = Plain(model, input);

        var outputs = model.call(input);
        using (no_grad())
            foreach (var tensor in model.parameters())
                tensor.add_(ones_like(tensor));
        var fault = Record.Exception(() => outputs.square().sum().backward());

        if (fault is null)
            Assert.Equal(expected, ModelKinds.TakeGradients(model));
        else
            Assert.Contains("modified by an inplace operation", fault.Message);
        // Through the fused pass it must be right: that is the path of every plain mapping.
        if (kind is "slvt" or "lwt, modulated" or "slvt, streamed" or "lwt, modulated, streamed")
            Assert.Null(fault);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_graph_that_is_kept_gives_the_same_gradient_again(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var input = Points(4);
        var expected = Plain(model, input);

        var loss = model.call(input).square().sum();
        loss.backward(retain_graph: true);
        var first = ModelKinds.TakeGradients(model);
        model.call(Points(2)).sum().backward();
        model.zero_grad();
        loss.backward();

        Assert.Equal(expected, first);
        Assert.Equal(expected, ModelKinds.TakeGradients(model));
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt, modulated")]
    [InlineData("tanh")]
    public void A_second_derivative_is_that_of_the_definition(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = (MappedModel)ModelKinds.Build(kind);
        var input = Points(5);
        var direction = linspace(-1, 1, 24);
        var latent = model.Latent.detach().to(float64).requires_grad_();
        var exact = model.Target.Forward(input.to(float64), model.Target.Layout.Split(model.Mapping.Generate(latent))).square().sum();
        var expected = Along(exact, latent, direction.to(float64));

        var second = Along(model.call(input).square().sum(), model.Latent, direction);

        Assert.True((second - expected).abs().max().ToDouble() <= 1e-4 * expected.abs().max().ToDouble());
    }

    /// <summary>H v by two backward passes.</summary>
    private static Tensor Along(Tensor loss, Tensor latent, Tensor direction)
    {
        var gradient = autograd.grad([loss], [latent], retain_graph: true, create_graph: true)[0];
        return autograd.grad([gradient.dot(direction)], [latent])[0];
    }

    [Fact]
    public void A_weight_without_a_gradient_counts_as_0()
    {
        using var scope = NewDisposeScope();
        using var model = (MappedModel)ModelKinds.Build("lwt, modulated");
        var weights = model.CurrentWeights();
        var expected = autograd.grad([weights[0].square().sum() + (weights[3].sum() * zeros(1))], [model.Latent], retain_graph: true)[0];

        // Only the first of the four tensors is used.
        Tensor alone;
        using (var inner = NewDisposeScope())
            alone = model.CurrentWeights()[0].square().sum().MoveToOuterDisposeScope();
        alone.backward();

        Assert.Equal(Small.Values(expected), Small.Values(model.Latent.grad!));
    }

    [Fact]
    public void The_terms_are_those_of_the_definition_and_their_gradients_end_at_the_latent()
    {
        using var scope = NewDisposeScope();
        using var model = (MappedModel)ModelKinds.Build("lwt, modulated");
        var input = Points(4);

        var terms = model.Terms(input);
        Tensor[] each = [terms.Stability(step: 3, seed: 5), terms.Smoothness(), terms.Alignment()];

        Assert.Equal(Small.Bits(model.Predict(input)), Small.Bits(terms.Outputs));
        Assert.Equal(Small.Bits(Core.MappingLoss.smoothness(model.Mapping, model.Latent)), Small.Bits(each[1]));
        Assert.Equal(Small.Bits(Core.MappingLoss.alignment(model.Mapping, model.Latent)), Small.Bits(each[2]));
        Assert.True(each[0].ToDouble() > 0);
        Assert.NotEqual(each[0].ToDouble(), terms.Stability(step: 4, seed: 5).ToDouble());
        foreach (var term in each)
        {
            term.backward(retain_graph: true);
            Assert.Contains(ModelKinds.TakeGradients(model), number => number != 0);
        }
    }

    [Fact]
    public void The_stability_term_leaves_the_running_statistics_to_the_pass_itself()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(3, 4, 4).Conv2d(4, 3).BatchNorm2d().ReLU().Flatten().Linear(2).Build("normed");
        using var model = MappingNetwork.For(target).LayerWise(24).StartingWithin(0.5).Build();
        using var other = MappingNetwork.For(target).LayerWise(24).StartingWithin(0.5).Build();
        var images = linspace(-1, 1, 2 * 48).reshape(2, 3, 4, 4);

        model.call(images);
        other.Terms(images).Stability(0);

        Assert.Equal(model.State.Tensors.Select(tensor => tensor.to(float32)).SelectMany(Small.Bits), other.State.Tensors.Select(tensor => tensor.to(float32)).SelectMany(Small.Bits));
    }

    [Fact]
    public void The_stability_term_sees_the_dropout_masks_of_the_pass_itself()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(4).Linear(32).Tanh().Dropout(0.5).Linear(3).Build("dropping");
        using var model = MappingNetwork.For(target).SingleLatent(24).StartingWithin(0.5).Build();
        var input = Points(16);

        var terms = model.Terms(input);

        // With other masks the outputs differ as they do from pass to pass, by far more than so small a shift of the latent moves them.
        Assert.InRange((model.call(input) - terms.Outputs).square().sum().ToDouble(), 1e-3, double.MaxValue);
        Assert.InRange(terms.Stability(step: 1, deviation: 1e-6).ToDouble(), 0, 1e-9);
        // However often it is asked for, and however many passes there were in between.
        Assert.Equal(Small.Bits(terms.Stability(step: 2)), Small.Bits(terms.Stability(step: 2)));
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("generated")]
    [InlineData("groups")]
    [InlineData("mapping")]
    public void Terms_of_a_model_that_no_mapping_generates_are_refused(string kind)
    {
        using var model = ModelKinds.Build(kind);
        using var input = Points(2);

        Assert.Contains($"'{model.Method}'", Assert.Throws<NotSupportedException>(() => model.Terms(input)).Message);
        Assert.Contains(
            $"'{model.Method}'", Assert.Throws<ArgumentException>("Loss", () => new Trainer(model, new() { Loss = LossOptions.Complete })).Message);
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        var most = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-5f * most));
    }
}
