using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A user's Sequential whose children take their weights one after another. Its dropout draws from torch's own generator.</summary>
[Collection(nameof(RandomStreamTests))]
public sealed class StreamedModuleTests
{
    private static Sequential Module(ScalarType type = ScalarType.Float32)
    {
        random.manual_seed(4);
        var module = nn.Sequential(
            ("scale", nn.Tanh()),
            ("conv", nn.Conv2d(1, 5, 3)),
            ("norm", nn.BatchNorm2d(5)),
            ("relu", nn.ReLU(inplace: true)),
            ("flatten", nn.Flatten()),
            ("block", nn.Sequential(nn.Linear(180, 12), nn.Sigmoid(), nn.Linear(12, 12))),
            ("dropout", nn.Dropout(0.3)),
            ("head", nn.Linear(12, 3)));
        return (Sequential)module.to(type);
    }

    private static Dataset Data()
    {
        using var generator = new Generator(3);
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(randn([24, 1, 8, 8], generator: generator), randint(0, 3, 24, generator: generator), ["a", "b", "c"]);
    }

    private static int[] Trained(ScalarType type, Dataset data, Func<ModuleTarget, Model> build)
    {
        using var scope = NewDisposeScope();
        using var module = Module(type);
        using var target = TargetNetwork.From(module, zeros(2, 1, 8, 8), "mine");
        using var model = build(target);
        random.manual_seed(9);
        new Trainer(model, new() { Epochs = 3, BatchSize = 8, Seed = 2, Loss = model is MappedModel ? LossOptions.Complete : LossOptions.TaskOnly }).Fit(data);
        return
        [
            .. model.state_dict().Values.SelectMany(tensor => Small.Bits(tensor.detach().to(ScalarType.Float32))),
            .. Small.Bits(model.Predict(zeros(2, 1, 8, 8))),
        ];
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Training_has_the_bits_of_the_mapping_that_holds_all_weights(ScalarType type)
    {
        using var data = Data();
        MappingNetwork Mapping(ModuleTarget target) => MappingNetwork.For(target).SingleLatent(64).WithSeed(5);
        Assert.Equal(
            Trained(type, data, target => Mapping(target).Build()), Trained(type, data, target => Mapping(target).Streamed().Build()));
    }

    [Fact]
    public void Fine_tuning_has_the_bits_of_the_fine_tuning_that_holds_all_weights()
    {
        using var data = Data();
        FineTunedModel Built(ModuleTarget target, bool streamed)
        {
            using var pretrained = PretrainedWeights.Of(target);
            var way = FineTuning.Of(target, pretrained).Scales(30).Mapping(mapping => mapping.SingleLatent(20));
            return (streamed ? way.Streamed() : way).Build();
        }

        Assert.Equal(
            Trained(ScalarType.Float32, data, target => Built(target, streamed: false)), Trained(ScalarType.Float32, data, target => Built(target, streamed: true)));
    }

    [Fact]
    public void Two_models_of_one_module_do_not_disturb_each_other()
    {
        using var scope = NewDisposeScope();
        using var module = Module();
        using var target = TargetNetwork.From(module, zeros(2, 1, 8, 8), "mine");
        using var first = MappingNetwork.For(target).SingleLatent(64).WithSeed(5).Streamed().Build();
        using var second = MappingNetwork.For(target).SingleLatent(64).WithSeed(6).Build();
        foreach (var model in new[] { first, second })
            model.eval();
        var input = linspace(-1, 1, 128, dtype: float32).reshape(2, 1, 8, 8);

        int[] Gradient(MappedModel other, bool between)
        {
            var loss = first.call(input).square().sum();
            if (between)
                other.call(input).sum().backward();
            return Small.Bits(autograd.grad([loss], [first.Latent])[0]);
        }

        var alone = Gradient(second, between: false);
        Assert.Equal(alone, Gradient(second, between: true));
        using var third = MappingNetwork.For(target).SingleLatent(64).WithSeed(7).Streamed().Build();
        third.eval();
        Assert.Equal(alone, Gradient(third, between: true));
    }

    [Fact]
    public void A_training_pass_in_between_leaves_the_gradients_of_an_evaluation_right()
    {
        using var scope = NewDisposeScope();
        using var module = Module();
        using var target = TargetNetwork.From(module, zeros(2, 1, 8, 8), "mine");
        var input = linspace(-1, 1, 128, dtype: float32).reshape(2, 1, 8, 8);

        int[] Gradient(bool trained)
        {
            using var model = MappingNetwork.For(target).SingleLatent(64).WithSeed(5).StartingWithin(0.5).Streamed().Build();
            model.eval();
            var loss = model.call(input).square().sum();
            model.train();
            // With the same weights, in a mode that reaches all parts with the first of them.
            using (no_grad())
                if (trained)
                    model.call(input * 3);
            return Small.Bits(autograd.grad([loss], [model.Latent])[0]);
        }

        var alone = Gradient(trained: false);
        Assert.Contains(alone, bits => bits != 0);
        Assert.Equal(alone, Gradient(trained: true));
    }

    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        private readonly Linear inner = nn.Linear(4, 4);

        public Own()
            : base("own") => RegisterComponents();

        public override Tensor forward(Tensor input) => inner.call(input);
    }

    [Theory]
    [InlineData("own", "is a Own, which alone knows the order of its parts; make it a Sequential")]
    [InlineData("function", "is run by a function of yours")]
    [InlineData("tied", "'second.weight' of 'mine' is the same parameter as 'first.weight' of another child")]
    public void A_module_whose_parts_do_not_follow_one_another_is_refused_by_name(string what, string reason)
    {
        using var scope = NewDisposeScope();
        var first = nn.Linear(4, 4);
        var second = nn.Linear(4, 4);
        if (what == "tied")
            second.weight = first.weight;
        using nn.Module<Tensor, Tensor> module = what == "own" ? new Own() : nn.Sequential(("first", first), ("second", second));
        using var target = what == "function"
            ? TargetNetwork.From(module, zeros(2, 4), input => module.call(input), "mine")
            : TargetNetwork.From(module, zeros(2, 4), "mine");
        Assert.Contains(
            reason, Assert.Throws<ArgumentException>("streamed", () => MappingNetwork.For(target).SingleLatent(8).Streamed().Build()).Message);
    }
}
