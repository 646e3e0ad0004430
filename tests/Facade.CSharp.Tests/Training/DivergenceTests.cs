using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class DivergenceTests
{
    private static readonly TrainingOptions Options = new() { Epochs = 50, BatchSize = 24, Schedule = LearningRateSchedule.Constant };

    /// <summary>The states after each step, the start first.</summary>
    private static (List<float[]> States, Listener Listener) Watch(Model model)
    {
        List<float[]> states = [Small.State(model)];
        return (states, new Listener(_ => states.Add(Small.State(model))));
    }

    [Theory]
    [InlineData(1e20)]
    [InlineData(1e30)]
    public void An_absurd_learning_rate_stops_training_with_the_last_good_state(double rate)
    {
        using var data = Small.Numbers();
        foreach (Model model in new Model[]
        {
            MappingNetwork.For(Small.Regressor()).SingleLatent(24).WithTrainableScales().Build(), DirectModel.For(Small.Regressor()),
        })
        {
            using (model)
            {
                var (states, listener) = Watch(model);

                var stop = Assert.Throws<TrainingDivergedException>(
                    () => new Trainer(model, Options with { LearningRate = rate }).Fit(data, progress: listener));

                Assert.Equal(states.Count - 1, stop.Step);
                Assert.Contains($"step {stop.Step}: the {stop.Term} is", stop.Message);
                Assert.All(Small.State(model), number => Assert.True(float.IsFinite(number)));
                // The good state is the one before the update that led astray.
                Assert.Equal(states[Math.Max(0, states.Count - 2)], Small.State(model));
                Assert.True(double.IsFinite(Evaluation.Of(model, data).Loss));
            }
        }
    }

    [Fact]
    public void Data_that_turns_bad_during_training_stops_it_at_that_step()
    {
        using var inputs = ones(48, 4);
        using var targets = ones(48, 1);
        using var data = Dataset.FromTensors(inputs, targets);
        using var model = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();
        List<float[]> states = [Small.State(model)];
        var listener = new Listener(progress =>
        {
            states.Add(Small.State(model));
            if (progress is { Epoch: 2, Step: 1 })
                inputs.fill_(float.NaN);
        });

        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(model, Options).Fit(data, progress: listener));

        Assert.Equal((3L, "task loss"), (stop.Step, stop.Term));
        Assert.Equal(states[^2], Small.State(model));
    }

    [Theory]
    [InlineData(1e18, "whole loss")]
    [InlineData(1e19, "smoothness term")]
    public void The_term_that_is_not_finite_is_named(double scale, string term)
    {
        using var data = Small.Classes();
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithScales(scale, scale, 1e-3, 1e-3).Build();

        var stop = Assert.Throws<TrainingDivergedException>(
            () => new Trainer(model, Options with { Loss = LossOptions.TaskOnly.WithSmoothness(LossCoefficient.Fixed(1e5)) }).Fit(data));

        Assert.Equal((0L, term), (stop.Step, stop.Term));
        Assert.All(Small.State(model), number => Assert.Equal(0, number));
    }

    [Fact]
    public void A_gradient_that_is_not_finite_is_named_and_never_applied()
    {
        // The root has an infinite slope at 0, where every output of this network is.
        var target = TargetNetwork.Input(4).Linear(1).Add(new Root()).Build();
        using var data = Small.Numbers();
        using var model = MappingNetwork.For(target).SingleLatent(2).WithScales(0, 0).Build();

        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(model, Options).Fit(data));

        Assert.Equal((0L, "gradient of 'latent'"), (stop.Step, stop.Term));
        Assert.Equal([0f, 0f], Small.State(model));
    }

    private sealed class Root() : Layer(null)
    {
        public override string Kind => "Root";
        public override string NamePrefix => "root";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input.sqrt();
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();
    }

    [Fact]
    public void A_validation_loss_that_is_not_finite_stops_training_too()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Numbers();
        using var huge = Dataset.FromTensors(full([3, 4], 1f), full([3, 1], 3e38f));
        using var model = MappingNetwork.For(Small.Regressor()).SingleLatent(24).Build();

        var stop = Assert.Throws<TrainingDivergedException>(() => new Trainer(model, Options).Fit(data, validation: huge));

        Assert.Equal((3L, "validation loss"), (stop.Step, stop.Term));
    }

    /// <summary>A linear layer beside a mask of 2^20 numbers, none of which is trained.</summary>
    private sealed class Masked : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear inner = nn.Linear(4, 1);

        public Masked()
            : base("masked")
        {
            register_buffer("mask", ones(1024, 1024));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => inner.call(input) * get_buffer("mask")![0, 0];
    }

    [Fact]
    public void Large_buffers_do_not_cost_a_small_model_its_last_good_state()
    {
        using var data = Small.Numbers();
        using var module = new Masked();
        using var example = zeros(1, 4);
        using var target = TargetNetwork.From(module, example, "masked");
        using var model = DirectModel.For(target);
        var (states, listener) = Watch(model);

        var stop = Assert.Throws<TrainingDivergedException>(
            () => new Trainer(model, Options with { LearningRate = 1e30 }).Fit(data, progress: listener));

        Assert.Contains("The model is back at the last state whose loss and gradients were finite", stop.Message);
        Assert.Equal(states[Math.Max(0, states.Count - 2)], Small.State(model));
    }

    [Fact]
    public void The_message_says_which_state_the_model_is_left_in()
    {
        using var data = Small.Numbers();
        using var small = DirectModel.For(Small.Regressor());
        // More than 2^20 weights, of which no copy is kept.
        using var large = DirectModel.For(TargetNetwork.Input(4).Linear(180_000).Tanh().Linear(1).Build());

        string Message(Model model) => Assert.Throws<TrainingDivergedException>(
            () => new Trainer(model, Options with { LearningRate = 1e30 }).Fit(data)).Message;

        Assert.Contains("The model is back at the last state whose loss and gradients were finite", Message(small));
        var message = Message(large);
        Assert.DoesNotContain("back", message);
        Assert.Contains("no earlier state is kept", message);
    }
}
