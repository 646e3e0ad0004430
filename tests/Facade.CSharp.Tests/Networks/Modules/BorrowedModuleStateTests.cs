using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static MappingNets.Tests.ModuleTargetTests;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a borrowed module holds beside weights. Alone, because dropout draws from the one generator of the process.</summary>
[CollectionDefinition(nameof(BorrowedModuleStateTests), DisableParallelization = true)]
[Collection(nameof(BorrowedModuleStateTests))]
public sealed class BorrowedModuleStateTests
{
    private static byte[][] Bits(IEnumerable<Tensor> tensors) => [.. tensors.Select(tensor => tensor.detach().contiguous().bytes.ToArray())];

    private sealed class Normed : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;
        private readonly BatchNorm2d bn;
        private readonly Dropout dropout;
        private readonly Linear fc;

        public Normed(double drop = 0)
            : base("normed")
        {
            conv = nn.Conv2d(1, 2, 3);
            bn = nn.BatchNorm2d(2);
            dropout = nn.Dropout(drop);
            fc = nn.Linear(2, 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => fc.call(dropout.call(bn.call(conv.call(input)).mean([2, 3])));
    }

    [Fact]
    public void Running_statistics_move_once_for_each_pass_of_training_and_never_in_evaluation()
    {
        using var scope = NewDisposeScope();
        using var module = new Normed();
        using var target = TargetNetwork.From(module, zeros(1, 1, 5, 5));
        using var state = target.CreateState();
        Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
        var images = Numbers(1, float32, 3, 1, 5, 5);
        var mean = nn.functional.conv2d(images, weights[0], weights[1]).mean([0, 2, 3]);

        // Two passes in one loss: going back has to run the first of them again.
        var first = target.Forward(images, weights, state, training: true);
        var second = target.Forward(images, [.. weights.Select(weight => weight * 2.0)], state, training: true);
        (first.sum() + second.sum()).backward();
        target.Forward(images, weights, state, training: false).sum().backward();
        target.Forward(images, weights);

        Assert.Equal(2, state["bn.num_batches_tracked"].item<long>());
        // 0.1 of the first batch's mean, nine tenths of which remain, and 0.1 of the second's, which is twice as large.
        Assert.True((state["bn.running_mean"] - (0.09 + 0.2) * mean).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Going_back_through_an_overwritten_pass_of_training_draws_the_same_dropout()
    {
        using var scope = NewDisposeScope();
        using var module = new Normed(drop: 0.5);
        using var target = TargetNetwork.From(module, zeros(1, 1, 5, 5));
        using var state = target.CreateState();
        var images = Numbers(1, float32, 16, 1, 5, 5);

        Tensor GradientOf(bool overwritten)
        {
            Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
            manual_seed(11);
            var output = target.Forward(images, weights, state, training: true);
            if (overwritten)
                target.Forward(images, [.. weights.Select(weight => (weight * 3.0).detach())], state, training: true);
            output.square().sum().backward();
            return cat([.. weights.Select(weight => weight.grad!.reshape(-1))]);
        }

        var plain = GradientOf(false);
        Assert.True((plain - GradientOf(true)).abs().max().ToDouble() <= 1e-6 * plain.abs().max().ToDouble());
    }

    [Fact]
    public void A_training_pass_in_between_leaves_the_gradients_of_an_evaluation_right()
    {
        using var scope = NewDisposeScope();
        using var module = new Normed();
        using var target = TargetNetwork.From(module, zeros(1, 1, 5, 5));
        var images = Numbers(1, float32, 3, 1, 5, 5);

        Tensor GradientOf(bool trained)
        {
            using var state = target.CreateState();
            Tensor[] weights = [.. WeightsFor(target).Select(weight => weight.requires_grad_())];
            var output = target.Forward(images, weights, state, training: false);
            // With the same weights: only the running statistics move.
            if (trained)
                target.Forward(images * 3, [.. weights.Select(weight => weight.detach())], state, training: true);
            output.square().sum().backward();
            return cat([.. weights.Select(weight => weight.grad!.reshape(-1))]);
        }

        var plain = GradientOf(false);
        Assert.True((plain - GradientOf(true)).abs().max().ToDouble() <= 1e-6 * plain.abs().max().ToDouble());
    }

    [Fact]
    public void The_module_comes_back_intact()
    {
        using var scope = NewDisposeScope();
        using var module = new Normed();
        module.train();
        module.named_children().Single(child => child.name == "bn").module.eval();
        module.get_parameter("fc.bias")!.requires_grad = false;
        module.get_parameter("fc.weight")!.grad = ones(2, 2);
        var before = Bits(module.state_dict().Values);

        using (var target = TargetNetwork.From(module, zeros(1, 1, 5, 5)))
        using (var model = MappingNetwork.For(target).SingleLatent(4).Build())
        using (var data = Dataset.FromTensors(Numbers(1, float32, 8, 1, 5, 5), zeros(8, ScalarType.Int64), ["none", "some"]))
        {
            new Trainer(model, new() { Epochs = 2, BatchSize = 4, Loss = LossOptions.Complete }).Fit(data);
            Assert.NotEqual(before, Bits(module.state_dict().Values));
            Assert.Equal(4, model.State["bn.num_batches_tracked"].item<long>());
            target.Dispose();
            Assert.Throws<ObjectDisposedException>(() => model.Predict(zeros(1, 1, 5, 5)));
        }

        Assert.Equal(before, Bits(module.state_dict().Values));
        Assert.Equal(
            [("conv", true), ("bn", false), ("dropout", true), ("fc", true)],
            module.named_children().Select(child => (child.name, child.module.training)));
        Assert.True(module.training);
        Assert.False(module.get_parameter("fc.bias")!.requires_grad);
        Assert.True(module.get_parameter("conv.weight")!.requires_grad);
        Assert.Equal([1f, 1, 1, 1], module.get_parameter("fc.weight")!.grad!.data<float>());
        Assert.Null(module.get_parameter("conv.weight")!.grad);
    }

    /// <summary>A linear layer beside the rotations of a transformer's positions, as complex numbers.</summary>
    private sealed class Rotating : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layer = nn.Linear(4, 3);

        public Rotating(bool persistent)
            : base("Rotating")
        {
            RegisterComponents();
            register_buffer("rotations", zeros(3, ScalarType.ComplexFloat32), persistent);
        }

        public override Tensor forward(Tensor input) => layer.call(input);
    }

    [Fact]
    public void A_buffer_that_no_file_can_hold_is_refused_before_the_training_not_after_it()
    {
        using var scope = NewDisposeScope();
        using var module = new Rotating(persistent: true);
        using var constant = new Rotating(persistent: false);

        var message = Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(module, zeros(1, 4))).Message;

        Assert.Contains("The buffer 'rotations' is ComplexFloat32, which adapters and resume files cannot hold", message);
        // What the message advises.
        Assert.Contains("Register a constant with persistent: false", message);
        TargetNetwork.From(constant, zeros(1, 4)).Dispose();
    }
}
