using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a user of TorchSharp's modules expects of one, for every kind of model.</summary>
public sealed class ModelModuleTests
{
    public static TheoryData<string> Kinds => [.. ModelKinds.All];

    private static TargetNetwork Normed() =>
        TargetNetwork.Input(3, 4, 4).Conv2d(4, 3).BatchNorm2d().ReLU().Flatten().Linear(2).Build("normed");

    private static Tensor Points(int count) => linspace(-1, 1.5, count * 4, dtype: float32).reshape(count, 4);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Its_parameters_are_what_trains_and_nothing_else(string kind)
    {
        using var model = ModelKinds.Build(kind);

        Assert.Equal(model.TrainableCount, model.parameters().Sum(tensor => tensor.numel()));
        Assert.All(model.parameters(), tensor => Assert.True(tensor.requires_grad));
        Assert.Equal(model.TrainableNames, model.named_parameters().Select(pair => pair.name));
        Assert.All(model.named_parameters(), pair => Assert.Same(pair.parameter, model.get_parameter(pair.name)));
    }

    [Fact]
    public void Trained_tensors_and_buffers_have_the_names_that_files_give_them()
    {
        using var mapped = MappingNetwork.For(Normed()).SingleLatent(24).WithTrainableScales().Build();
        using var direct = DirectModel.For(Normed());
        using var tuned = ModelKinds.Build("lora and groups and a whole head");

        Assert.Equal(
            ["latent", "scales", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"], mapped.state_dict().Keys);
        Assert.Equal(
            ["conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "fc1.weight", "fc1.bias"], direct.named_parameters().Select(pair => pair.name));
        // The base's weights are no part of the state: they stay what they were.
        Assert.Equal(["fc1.weight.lora_A", "fc1.weight.lora_B", "latent", "fc2.weight", "fc2.bias"], tuned.state_dict().Keys);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_state_goes_into_another_model_of_its_kind_bit_for_bit(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        using var other = ModelKinds.Build(kind);
        using (no_grad())
            foreach (var tensor in model.parameters())
                tensor.add_(linspace(-0.1, 0.1, tensor.numel()).reshape(tensor.shape));

        other.load_state_dict(model.state_dict());

        Assert.Equal(Small.Bits(model.FlatWeights()), Small.Bits(other.FlatWeights()));
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused_by_name_and_nothing_changes()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(Normed()).SingleLatent(24).WithTrainableScales().Build();
        var before = Small.Bits(model.FlatWeights());
        Dictionary<string, Tensor> State(Action<Dictionary<string, Tensor>> change)
        {
            var state = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
            using (no_grad())
                state["latent"].add_(ones(24));
            change(state);
            return state;
        }

        void Refused(string what, Action<Dictionary<string, Tensor>> change, bool strict = true) =>
            Assert.Contains(what, Assert.Throws<ArgumentException>("source", () => model.load_state_dict(State(change), strict)).Message);

        Refused("no 'scales'", state => state.Remove("scales"));
        Refused("'head.weight', which the model has not", state => state.Add("head.weight", ones(1)));
        // TorchSharp itself would spread the one number over all.
        Refused("'scales' has the shape (1)", state => state["scales"] = ones(1));
        Refused("'scales' has the shape (1)", state => state["scales"] = ones(1), strict: false);
        Refused("'bn1.running_mean' is Int64", state => state["bn1.running_mean"] = ones(4, dtype: int64));

        Assert.Equal(before, Small.Bits(model.FlatWeights()));
        var (missing, unexpected) = model.load_state_dict(State(state => state.Remove("scales")), strict: false);
        Assert.Equal(["scales"], missing);
        Assert.Empty(unexpected);
        Assert.NotEqual(before, Small.Bits(model.FlatWeights()));
    }

    [Fact]
    public void Its_mode_decides_what_batch_norm_does_and_Predict_always_evaluates()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(Normed()).LayerWise(24).StartingWithin(0.5).Build();
        var images = linspace(-1, 1, 2 * 48).reshape(2, 3, 4, 4);
        var start = Small.Bits(model.State["bn1.running_mean"]);
        Assert.True(model.training);

        model.Predict(images);
        Assert.Equal(start, Small.Bits(model.State["bn1.running_mean"]));
        var trained = model.call(images);
        Assert.NotEqual(start, Small.Bits(model.State["bn1.running_mean"]));
        Assert.NotEqual(Small.Bits(trained.detach()), Small.Bits(model.Predict(images)));

        var moved = Small.Bits(model.State["bn1.running_mean"]);
        model.eval();
        Assert.Equal(Small.Bits(model.call(images).detach()), Small.Bits(model.Predict(images)));
        Assert.Equal(moved, Small.Bits(model.State["bn1.running_mean"]));
        Assert.False(model.Predict(images).requires_grad);
        Assert.True(model.call(images).requires_grad);
    }

    private sealed class Pair : nn.Module<Tensor, Tensor>
    {
        private readonly Model first;
        private readonly Linear last = nn.Linear(3, 2);

        public Pair(Model first)
            : base("pair")
        {
            this.first = first;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => last.call(first.call(input).relu());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_a_part_of_a_larger_module(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        using var pair = new Pair(model);
        string[] names = [.. model.named_parameters().Select(own => "first." + own.name), "last.weight", "last.bias"];

        Assert.Equal(names, pair.named_parameters().Select(own => own.name));
        Assert.Equal(names.Order(), pair.state_dict().Keys.Except(model.named_buffers().Select(own => "first." + own.name)).Order());
        pair.eval();
        Assert.False(model.training);
        pair.train();
        using var optimizer = optim.SGD(pair.parameters(), 0.1);
        var before = Small.State(model);
        pair.call(Points(6)).square().sum().backward();
        optimizer.step();
        Assert.NotEqual(before, Small.State(model));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_moves_to_another_device_with_all_it_has_and_refuses_another_precision(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = ModelKinds.Build(kind);
        var before = Small.State(model);

        Assert.Contains("Float64", Assert.Throws<NotSupportedException>(() => model.to(float64)).Message);
        Assert.Same(model, model.to(float32));
        Assert.Same(model, model.to(CPU));
        Assert.Equal(before, Small.State(model));

        // A device that every machine has: it holds shapes and no numbers.
        model.to(META);
        Assert.Equal(DeviceType.META, model.Device.type);
        Assert.All(model.parameters(), tensor => Assert.Equal(DeviceType.META, tensor.device_type));
        Assert.All(model.State.Tensors, tensor => Assert.Equal(DeviceType.META, tensor.device_type));
        Assert.Equal(model.parameters().Sum(tensor => tensor.numel()), model.Trainables.Sum(tensor => tensor.numel()));
        Assert.Throws<ArgumentException>("input", () => model.call(Points(2)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_disposed_in_any_order_and_says_so_afterwards(string kind)
    {
        using var input = Points(2);
        var model = ModelKinds.Build(kind);
        var pair = new Pair(model);
        model.Dispose();
        model.Dispose();
        pair.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.call(input));
        Assert.Throws<ObjectDisposedException>(() => model.Predict(input));

        var other = ModelKinds.Build(kind);
        new Pair(other).Dispose();
        other.Dispose();
    }

    [Fact]
    public void A_backward_pass_after_the_model_is_gone_gives_the_gradient_or_none()
    {
        using var scope = NewDisposeScope();
        using var kept = ModelKinds.Build("lwt, modulated");
        var model = ModelKinds.Build("lwt, modulated");
        using var input = Points(3).requires_grad_();
        using var again = Points(3).requires_grad_();
        kept.call(again).square().sum().backward();

        var outputs = model.call(input);
        model.Dispose();
        outputs.square().sum().backward();

        Assert.Equal(Small.Bits(again.grad!), Small.Bits(input.grad!));
    }

    [Fact]
    public void An_input_that_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var model = Small.Slvt();

        Assert.Throws<ArgumentException>("input", () => model.call(ones(2, 5)));
        Assert.Contains("Float64", Assert.Throws<ArgumentException>("input", () => model.call(ones(2, 4, dtype: float64))).Message);
        Assert.Throws<ArgumentNullException>(() => model.call(null!));
    }
}
