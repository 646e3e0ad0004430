using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class TargetNetworkTests
{
    private static Tensor[] SomeWeights(TargetNetwork target, ulong seed = 3)
    {
        using var generator = new Generator(seed);
        return [.. target.Parameters.Select(p => rand([.. p.Shape], generator: generator) * 0.2 - 0.1)];
    }

    private static TargetNetwork EveryLayer() =>
        TargetNetwork.Input(2, 11, 9)
            .Conv2d(3, 3, stride: 2, padding: 1).Tanh()
            .MaxPool2d(3, stride: 1, padding: 1)
            .Conv2d(4, 2, bias: false).SiLU()
            .Flatten()
            .Linear(5, bias: false).ReLU()
            .Linear(3)
            .Build("every-layer");

    [Fact]
    public void The_papers_networks_have_their_exact_numbers_of_weights()
    {
        Assert.Equal(537_994, MappingNets.Targets.Cnn1().ParameterCount);
        Assert.Equal(108_618, MappingNets.Targets.Cnn2().ParameterCount);
        Assert.Equal(108_618 - 8 * 129, MappingNets.Targets.Cnn2(classes: 2).ParameterCount);
    }

    [Fact]
    public void Weights_are_named_and_shaped_as_PyTorch_stores_them_with_their_fan_in()
    {
        var cnn2 = MappingNets.Targets.Cnn2();

        Assert.Equal(
            [
                "conv1.weight(16, 1, 3, 3)", "conv1.bias(16)", "conv2.weight(32, 16, 3, 3)", "conv2.bias(32)",
                "fc1.weight(128, 800)", "fc1.bias(128)", "fc2.weight(10, 128)", "fc2.bias(10)",
            ],
            cnn2.Parameters.Select(p => p.ToString()));
        Assert.Equal([9L, 9, 144, 144, 800, 800, 128, 128], cnn2.Parameters.Select(p => p.FanIn));
        Assert.Equal([10L], cnn2.OutputShape);
    }

    [Theory]
    [InlineData("cnn1")]
    [InlineData("cnn2")]
    [InlineData("every-layer")]
    public void The_plain_module_computes_the_same_function_and_carries_PyTorchs_names(string name)
    {
        using var scope = NewDisposeScope();
        var target = name switch { "cnn1" => MappingNets.Targets.Cnn1(), "cnn2" => MappingNets.Targets.Cnn2(), _ => EveryLayer() };
        var weights = SomeWeights(target);
        var input = rand([4, .. target.InputShape]);

        using var module = target.ToModule(weights);

        Assert.Equal([4L, .. target.OutputShape], target.Forward(input, weights).shape);
        Assert.True(module.call(input).equal(target.Forward(input, weights)).all().item<bool>());
        Assert.Equal(
            target.Parameters.Select(p => p.ToString()),
            module.state_dict().Select(p => $"{p.Key}({string.Join(", ", p.Value.shape)})"));
        Assert.False(module.training);
    }

    [Fact]
    public void The_network_computes_what_its_layers_say()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1, 3, 3).Conv2d(1, 2).ReLU().MaxPool2d(2).Flatten().Linear(1).Build();
        var input = arange(9, dtype: ScalarType.Float32).reshape(1, 1, 3, 3);
        Tensor[] weights =
        [
            tensor([1f, 0f, 0f, -2f]).reshape(1, 1, 2, 2), tensor([9f]),
            tensor([3f]).reshape(1, 1), tensor([0.5f]),
        ];

        // Each window gives x - 2 (x + 4) + 9 = 1 - x; only x = 0 stays above zero.
        Assert.Equal(3.5f, target.Forward(input, weights).item<float>());
    }

    [Fact]
    public void The_gradient_reaches_every_weight()
    {
        using var scope = NewDisposeScope();
        var target = EveryLayer();
        var weights = SomeWeights(target).Select(weight => weight.requires_grad_()).ToArray();

        // Of its own generator: other images than these can leave all of a small convolution below zero.
        using var generator = new Generator(1);
        target.Forward(rand([2, .. target.InputShape], generator: generator), weights).square().sum().backward();

        Assert.All(weights, weight => Assert.True(weight.grad!.abs().sum().item<float>() > 0));
    }

    [Fact]
    public void The_plain_module_outlives_the_scope_it_was_made_in_and_shares_no_memory_with_the_weights()
    {
        var target = EveryLayer();
        nn.Module<Tensor, Tensor> module;
        using (NewDisposeScope())
        {
            var weights = SomeWeights(target);
            module = target.ToModule(weights);
            foreach (var weight in weights)
                weight.zero_();
        }

        using (module)
        using (NewDisposeScope())
            Assert.All(module.parameters(), parameter => Assert.True(parameter.abs().sum().item<float>() > 0));
    }

    [Fact]
    public void Double_precision_weights_make_a_double_precision_network()
    {
        using var scope = NewDisposeScope();
        var target = EveryLayer();
        var weights = SomeWeights(target).Select(weight => weight.to(ScalarType.Float64)).ToArray();
        var input = rand([1, .. target.InputShape], ScalarType.Float64);

        using var module = target.ToModule(weights);

        Assert.Equal(ScalarType.Float64, target.Forward(input, weights).dtype);
        Assert.True(module.call(input).equal(target.Forward(input, weights)).all().item<bool>());
    }

    [Fact]
    public void A_wrong_input_or_a_wrong_weight_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var cnn2 = MappingNets.Targets.Cnn2();
        var weights = SomeWeights(cnn2);

        var input = Assert.Throws<ArgumentException>(() => cnn2.Forward(zeros(1, 28, 28), weights));
        Assert.Contains("(N, 1, 28, 28)", input.Message);
        Assert.Contains("has (1, 28, 28)", input.Message);

        var missing = Assert.Throws<ArgumentException>(() => cnn2.ToModule(weights[..7]));
        Assert.Contains("8 weight tensors; 7 were given", missing.Message);

        weights[4] = zeros(800, 128);
        var shape = Assert.Throws<ArgumentException>(() => cnn2.Forward(zeros(1, 1, 28, 28), weights));
        Assert.Contains("'fc1.weight' has the shape (800, 128); 'cnn2' needs (128, 800)", shape.Message);
    }

    [Fact]
    public void A_type_that_does_not_fit_or_a_disposed_tensor_is_refused_by_name_before_libtorch_sees_it()
    {
        using var scope = NewDisposeScope();
        var lstm = MappingNets.Targets.Lstm(5, 6);
        var weights = SomeWeights(lstm);

        Assert.Contains(
            "the input is Float64; it must be Float32",
            Assert.Throws<ArgumentException>("input", () => lstm.Forward(zeros([2, 6, 5], float64), weights)).Message);
        Assert.Contains(
            "the input is Int64", Assert.Throws<ArgumentException>("input", () => lstm.Forward(zeros([2, 6, 5], int64), weights)).Message);
        Tensor[] mixed = [weights[0], weights[1].to(float64), .. weights[2..]];
        Assert.Contains(
            "'lstm.weight_hh_l0' is Float64, but 'lstm.weight_ih_l0' is Float32",
            Assert.Throws<ArgumentException>("parameters", () => lstm.Forward(zeros(2, 6, 5), mixed)).Message);
        Tensor[] whole = [.. weights.Select(weight => weight.to(int64))];
        Assert.Contains(
            "'lstm.weight_ih_l0' is Int64; weights are floating-point numbers",
            Assert.Throws<ArgumentException>("weights", () => lstm.ToModule(whole)).Message);
        Assert.Contains(
            "takes one input; the pass got 2",
            Assert.Throws<ArgumentException>("inputs", () => lstm.Forward([zeros(2, 6, 5), zeros(2, 6, 5)], weights)).Message);

        var gone = zeros(2, 6, 5);
        gone.Dispose();
        Assert.Contains("the input was disposed", Assert.Throws<ArgumentException>("input", () => lstm.Forward(gone, weights)).Message);
        var norm = TargetNetwork.Input(3).BatchNorm1d().Build();
        var spent = norm.CreateState();
        spent.Dispose();
        Assert.Contains(
            "the state was disposed",
            Assert.Throws<ArgumentException>("state", () => norm.Forward(zeros(2, 3), SomeWeights(norm), spent, training: false)).Message);
        using var state = lstm.CreateState();
        weights[2].Dispose();
        Assert.Contains(
            "the weight 'lstm.bias_ih_l0' was disposed",
            Assert.Throws<ArgumentException>("parameters", () => lstm.Forward(zeros(2, 6, 5), weights, state, training: true)).Message);
    }

    [Fact]
    public void The_description_lists_every_layer_with_its_output_and_weights()
    {
        var lines = MappingNets.Targets.Cnn2().Describe().Split('\n');

        Assert.Equal("cnn2: (1, 28, 28) -> (10), 108,618 parameters", lines[0]);
        Assert.Equal(["4", "conv2", "Conv2d", "(32,", "11,", "11)", "4,640"], Words(lines[5]));
        Assert.Equal(["8", "fc1", "Linear", "(128)", "102,528"], Words(lines[9]));

        static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }
}
