using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ModuleTargetTests
{
    internal static Tensor Numbers(ulong seed, ScalarType type, params long[] shape)
    {
        using var generator = new Generator(seed);
        return (rand(shape, generator: generator) * 2 - 1).to(type);
    }

    internal static Tensor[] WeightsFor(TargetNetwork target, ulong seed = 5, ScalarType type = ScalarType.Float32) =>
        [.. target.Parameters.Select((parameter, index) => Numbers(seed + (ulong)index, type, [.. parameter.Shape]) * 0.5)];

    private static nn.Module<Tensor, Tensor> PlainCnn2()
    {
        using var scope = NewDisposeScope();
        var cnn2 = MappingNets.Targets.Cnn2();
        return cnn2.ToModule(WeightsFor(cnn2));
    }

    [Fact]
    public void Cnn2_built_both_ways_gives_the_same_outputs_and_gradients_to_the_latent()
    {
        using var scope = NewDisposeScope();
        var built = MappingNets.Targets.Cnn2();
        using var module = PlainCnn2();
        using var target = TargetNetwork.From(module, zeros(1, 1, 28, 28), "cnn2");
        Assert.Equal(built.Parameters, target.Parameters, (a, b) => a.ToString() == b.ToString() && a.FanIn == b.FanIn);
        using var first = MappingNetwork.For(built).SingleLatent(64).WithSeed(3).StartingWithin(0.5).Build();
        using var second = MappingNetwork.For(target).SingleLatent(64).WithSeed(3).StartingWithin(0.5).Build();
        var images = Numbers(1, float32, 4, 1, 28, 28);

        var (output, gradient) = OutputAndGradient(first, images);
        var (moduleOutput, moduleGradient) = OutputAndGradient(second, images);

        Assert.True((output - moduleOutput).abs().max().ToDouble() <= 1e-6);
        Assert.True((gradient - moduleGradient).abs().max().ToDouble() <= 1e-6 * gradient.abs().max().ToDouble());
        Assert.True(gradient.abs().max().ToDouble() > 0);
    }

    private static (Tensor Output, Tensor Gradient) OutputAndGradient(MappedModel model, Tensor images)
    {
        var latent = model.Latent.detach().clone().requires_grad_();
        var output = model.Target.Forward(images, model.WeightsAt(latent));
        output.square().mean().backward();
        return (output.detach(), latent.grad!);
    }

    [Fact]
    public void The_gradients_of_a_native_lstm_agree_with_differences()
    {
        using var scope = NewDisposeScope();
        using var lstm = nn.LSTM(3, 2, batchFirst: true, dtype: float64);
        using var target = TargetNetwork.From(lstm, zeros(1, 4, 3, dtype: float64), x => lstm.call(x).Item1.select(1, -1));

        Differences.Check(
            tensors => target.Forward(tensors[0], tensors[1..]).square().sum(),
            [Numbers(9, float64, 2, 4, 3), .. WeightsFor(target, type: float64)]);
    }

    [Fact]
    public void The_gradients_of_a_native_gru_agree_with_differences()
    {
        using var scope = NewDisposeScope();
        using var gru = nn.GRU(2, 2, batchFirst: true, dtype: float64);
        using var target = TargetNetwork.From(gru, zeros(1, 3, 2, dtype: float64), x => gru.call(x).Item1.select(1, -1));

        Differences.Check(
            tensors => target.Forward(tensors[0], tensors[1..]).square().sum(),
            [Numbers(9, float64, 2, 3, 2), .. WeightsFor(target, type: float64)]);
    }

    [Fact]
    public void The_gradients_of_native_attention_agree_with_differences()
    {
        using var scope = NewDisposeScope();
        using var attention = nn.MultiheadAttention(4, 2);
        attention.to(ScalarType.Float64);
        using var target = TargetNetwork.From(attention, zeros(1, 3, 4, dtype: float64), Attend);

        Differences.Check(
            tensors => target.Forward(tensors[0], tensors[1..]).square().sum(),
            [Numbers(9, float64, 2, 3, 4), .. WeightsFor(target, type: float64)]);

        Tensor Attend(Tensor x)
        {
            // (N, tokens, features) -> (tokens, N, features), as the native module wants it.
            var tokens = x.transpose(0, 1);
            return attention.call(tokens, tokens, tokens, null!, false, null!).Item1.transpose(0, 1);
        }
    }

    [Fact]
    public void Two_passes_with_different_weights_in_one_loss_have_the_right_gradients()
    {
        using var scope = NewDisposeScope();
        using var lstm = nn.LSTM(3, 2, batchFirst: true, dtype: float64);
        using var target = TargetNetwork.From(lstm, zeros(1, 4, 3, dtype: float64), x => lstm.call(x).Item1.select(1, -1));
        var input = Numbers(9, float64, 2, 4, 3);

        Differences.Check(
            weights =>
            {
                var first = target.Forward(input, weights);
                var second = target.Forward(input, [.. weights.Select(weight => weight * 1.1)]);
                return (first - second).square().sum() + first.sum();
            },
            WeightsFor(target, type: float64));
    }

    [Fact]
    public void Going_back_twice_through_one_pass_gives_the_same_gradient_twice()
    {
        using var scope = NewDisposeScope();
        using var module = PlainCnn2();
        using var target = TargetNetwork.From(module, zeros(1, 1, 28, 28));
        Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
        var loss = target.Forward(Numbers(1, float32, 2, 1, 28, 28), weights).square().mean();

        loss.backward(retain_graph: true);
        var once = weights[0].grad!.clone();
        loss.backward();

        Assert.True((weights[0].grad! - 2 * once).abs().max().ToDouble() < 1e-6 * once.abs().max().ToDouble());
    }

    [Fact]
    public void A_second_derivative_is_not_a_number_rather_than_wrong()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("fc", nn.Linear(2, 2)), ("tanh", nn.Tanh()));
        using var target = TargetNetwork.From(module, zeros(1, 2));
        Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
        var loss = target.Forward(ones(1, 2), weights).square().sum();

        var gradient = autograd.grad([loss], [weights[0]], create_graph: true)[0];
        gradient.sum().backward();

        Assert.True(gradient.isfinite().all().item<bool>());
        Assert.True(weights[0].grad!.isnan().all().item<bool>());
    }

    [Fact]
    public void Changing_the_output_in_place_leaves_the_gradient_right()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("fc", nn.Linear(2, 2)), ("tanh", nn.Tanh()));
        module.to(ScalarType.Float64);
        using var target = TargetNetwork.From(module, zeros(1, 2, dtype: float64));

        Differences.Check(
            tensors => target.Forward(tensors[0], tensors[1..]).mul_(3.0).sum(),
            [Numbers(9, float64, 2, 2), .. WeightsFor(target, type: float64)]);
    }

    [Fact]
    public void Frozen_parameters_are_kept_and_not_generated()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("a", nn.Linear(2, 3)), ("b", nn.Linear(3, 1)));
        foreach (var parameter in module.parameters().Take(2))
            parameter.requires_grad = false;
        var (weight, bias) = (module.get_parameter("a.weight")!.clone(), module.get_parameter("a.bias")!.clone());
        using var target = TargetNetwork.From(module, zeros(1, 2));
        var input = Numbers(1, float32, 4, 2);
        var weights = WeightsFor(target);

        Assert.Equal(["b.weight(1, 3)", "b.bias(1)"], target.Parameters.Select(parameter => parameter.ToString()));
        Assert.Equal(["a.weight", "a.bias"], target.FrozenParameters);
        var expected = nn.functional.linear(nn.functional.linear(input, weight, bias), weights[0], weights[1]);
        Assert.True((target.Forward(input, weights) - expected).abs().max().ToDouble() < 1e-6);
    }

    private sealed class Tied : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first;
        private readonly Linear second;

        public Tied()
            : base("tied")
        {
            first = nn.Linear(2, 2, hasBias: false, dtype: float64);
            second = nn.Linear(2, 2, hasBias: false, dtype: float64);
            second.weight = first.weight;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => second.call(first.call(input).tanh());
    }

    [Fact]
    public void A_shared_parameter_counts_once_and_gets_both_gradients()
    {
        using var scope = NewDisposeScope();
        using var module = new Tied();
        using var target = TargetNetwork.From(module, zeros(1, 2, dtype: float64));

        Assert.Equal(4, target.ParameterCount);
        Differences.Check(
            tensors => target.Forward(tensors[0], tensors[1..]).square().sum(),
            [Numbers(9, float64, 3, 2), .. WeightsFor(target, type: float64)]);
    }

    [Fact]
    public void A_script_module_from_a_file_is_a_target()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.Write("plain.pt", TorchScriptArchive.Of(
            "torch.add(torch.tanh(torch.matmul(x, self.weight)), self.kept)",
            ("weight", [2, 3], [1, 2, 3, 4, 5, 6], true),
            ("kept", [3], [0.1f, 0.2f, 0.3f], false)));
        using var script = jit.load(path);
        using (var target = TargetNetwork.From(script, zeros(1, 2), "script"))
        {
            Assert.Equal(["weight(2, 3)"], target.Parameters.Select(parameter => parameter.ToString()));
            Assert.Equal(["kept"], target.FrozenParameters);
            var weights = WeightsFor(target);
            var input = Numbers(1, float32, 4, 2);
            var expected = input.matmul(weights[0]).tanh() + tensor(new[] { 0.1f, 0.2f, 0.3f });
            Assert.True((target.Forward(input, weights) - expected).abs().max().ToDouble() < 1e-6);
            Differences.Check(
                tensors => target.Forward(tensors[0], tensors[1..]).square().sum(), [input, .. weights], step: 1e-2, tolerance: 2e-3);
        }

        Assert.Equal([1f, 2, 3, 4, 5, 6], script.get_parameter("weight")!.data<float>());
    }

    [Fact]
    public void What_cannot_be_a_target_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var mixed = nn.Sequential(("a", nn.Linear(2, 2)), ("b", nn.Linear(2, 2, dtype: float64)));
        using var lstm = nn.LSTM(2, 2);
        using var frozen = nn.Linear(2, 2);
        foreach (var parameter in frozen.parameters())
            parameter.requires_grad = false;
        using var linear = nn.Linear(2, 2);

        Assert.Contains("'b.weight' is Float64, but 'a.weight' is Float32", Refusal(mixed));
        Assert.Contains("A LSTM does not take one tensor", Refusal(lstm));
        Assert.Contains("has no weights", Refusal(frozen));
        Assert.Contains(
            "must be a batch", Assert.Throws<ArgumentException>("exampleInput", () => TargetNetwork.From(linear, zeros(2))).Message);
        Assert.Contains(
            "first size must be the batch's",
            Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(linear, zeros(3, 2), x => linear.call(x).sum(0))).Message);
        using var target = TargetNetwork.From(linear, zeros(1, 2));
        Assert.Throws<NotSupportedException>(() => target.ToModule(WeightsFor(target)));

        string Refusal(nn.Module module) =>
            Assert.Throws<ArgumentException>(() => TargetNetwork.From(module, zeros(1, 2))).Message;
    }

    [Fact]
    public void Passes_whose_gradients_are_never_asked_for_leave_nothing_behind()
    {
        using var module = PlainCnn2();
        using var scope = NewDisposeScope();
        using var target = TargetNetwork.From(module, zeros(1, 1, 28, 28));
        Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
        var images = zeros(2, 1, 28, 28);
        long Pass(bool back)
        {
            using (NewDisposeScope())
            {
                var output = target.Forward(images, weights);
                if (back)
                    output.sum().backward();
                foreach (var weight in weights)
                    weight.grad = null;
            }

            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }

        Pass(true);
        var (kept, forgotten) = (Pass(true), Pass(false));
        for (var pass = 0; pass < 5; pass++)
        {
            Assert.True(Pass(true) <= kept);
            Assert.True(Pass(false) <= forgotten);
        }
    }
}
