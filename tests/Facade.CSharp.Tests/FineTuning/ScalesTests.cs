using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Scales, shifts, biases and the head moved through one mapping.</summary>
public sealed class ScalesTests : IDisposable
{
    private static readonly string[] Moved = ["conv1.bias", "bn1.weight", "bn1.bias", "fc1.bias", "ln1.weight", "ln1.bias", "fc2.weight", "fc2.bias"];

    private readonly TargetNetwork target = Network(3);
    private readonly PretrainedWeights pretrained = Pretrained();

    public void Dispose() => pretrained.Dispose();

    private static TargetNetwork Network(int classes) =>
        TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().ReLU().Flatten().Linear(6).LayerNorm().Linear(classes).Build("scaled");

    // Weights that all differ, so that each tensor has a deviation of its own.
    private static PretrainedWeights Pretrained()
    {
        using var scope = NewDisposeScope();
        var model = DirectModel.For(Network(3), seed: 4);
        using (no_grad())
            foreach (var (place, parameter) in model.parameters().Index())
                parameter.add_(linspace(-0.2, 0.3 + (place / 20.0), parameter.numel()).view(parameter.shape));
        return PretrainedWeights.Of(model);
    }

    private static Dictionary<string, float[]> ByName(Model model)
    {
        using var scope = NewDisposeScope();
        var parts = model.Target.Layout.Split(model.FlatWeights());
        return model.Target.Parameters.Zip(parts).ToDictionary(pair => pair.First.Name, pair => Small.Values(pair.Second));
    }

    private static void SetAll(FineTunedModel model, float value, string latent = "latent")
    {
        using var noGradient = no_grad();
        foreach (var (_, values) in model.TrainedTensors.Where(pair => pair.Key.StartsWith(latent, StringComparison.Ordinal)))
            values.fill_(value);
    }

    // Other numbers for each.
    private static void Spread(FineTunedModel model)
    {
        using var noGradient = no_grad();
        foreach (var values in model.TrainedTensors.Values)
            values.copy_(linspace(-1, 1, values.numel()));
    }

    private Dictionary<string, float[]> Base()
    {
        using var model = FineTuning.Of(target, pretrained).WholeWeights().Build();
        return ByName(model);
    }

    [Fact]
    public void They_are_the_numbers_of_normalisations_biases_and_the_last_layer()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(20).Build();
        Assert.Equal(20, model.TrainableCount);
        SetAll(model, 1);

        var weights = ByName(model);
        foreach (var (name, values) in Base())
            Assert.Equal(Moved.Contains(name), !values.SequenceEqual(weights[name]));
    }

    // A row of the signed permutation is one sign.
    [Fact]
    public void A_parameter_of_1_moves_a_weight_by_the_deviation_of_its_tensor_where_no_other_shares_it()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(45, strength: 2, headStrength: 2).Build();
        SetAll(model, 1);

        var weights = ByName(model);
        foreach (var (name, values) in Base().Where(pair => Moved.Contains(pair.Key)))
        {
            var mean = values.Average();
            var deviation = 2 * Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
            Assert.All(values.Zip(weights[name]), pair => Assert.Equal(deviation, Math.Abs(pair.Second - pair.First), 0.01 * deviation));
        }
    }

    [Fact]
    public void A_new_head_and_a_constant_tensor_move_by_one_over_the_root_of_the_fan_in()
    {
        using var fresh = DirectModel.For(Network(3), seed: 4);
        using (no_grad())
            fresh.get_parameter("ln1.weight")!.fill_(1);
        using var first = PretrainedWeights.Of(fresh);
        using var model = FineTuning.Of(Network(5), first).Scales(15, strength: 1, headStrength: 1).WithSeed(3).Build();
        var before = ByName(model);
        SetAll(model, 1);

        var weights = ByName(model);
        // Both come from 6 features. The head of 35 has 9 of the parameters.
        foreach (var (name, shared) in new[] { ("fc2.weight", 35 / 9.0), ("fc2.bias", 35 / 9.0), ("ln1.weight", 1.0) })
            Assert.All(before[name].Zip(weights[name]), pair => Assert.Equal(Math.Sqrt(shared / 6), Math.Abs(pair.Second - pair.First), 0.01));
        Assert.Empty(model.DirectlyTrained);
    }

    [Fact]
    public void A_new_head_is_trained_itself_where_that_is_said()
    {
        using var model = FineTuning.Of(Network(5), pretrained).Scales(10).WithNewHead(HeadTraining.Direct).Build();

        Assert.Equal(["fc2.weight", "fc2.bias"], model.DirectlyTrained);
        Assert.Equal(10 + 35, model.TrainableCount);
    }

    [Fact]
    public void Without_a_number_there_are_as_many_parameters_as_weights_where_these_are_few()
    {
        using var model = FineTuning.Of(target, pretrained).Scales().Build();

        Assert.Equal(Base().Where(pair => Moved.Contains(pair.Key)).Sum(pair => pair.Value.Length), model.TrainableCount);
    }

    [Fact]
    public void Other_ways_take_the_rest()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(20).LowRank(1).Build();
        SetAll(model, 1);
        using (no_grad())
            foreach (var (name, factor) in model.TrainedTensors.Where(pair => pair.Key.Contains("lora", StringComparison.Ordinal)))
                factor.fill_(1);

        Assert.Equal(
            ["latent1", "latent2", "conv1.weight.lora_A", "conv1.weight.lora_B", "fc1.weight.lora_A", "fc1.weight.lora_B"], model.TrainedTensors.Keys);
        var weights = ByName(model);
        Assert.All(Base(), pair => Assert.NotEqual(pair.Value, weights[pair.Key]));
    }

    [Fact]
    public void It_leaves_what_another_way_names()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(9).Groups(4, layers: ["conv1"]).WholeWeights("fc2").Build();

        Assert.Equal(["fc2.weight", "fc2.bias"], model.DirectlyTrained);
        Assert.Equal(9 + 4 + 21, model.TrainableCount);
        SetAll(model, 1, "latent1");
        var weights = ByName(model);
        Assert.Equal(["bn1.weight", "bn1.bias", "fc1.bias", "ln1.weight", "ln1.bias"], Base().Where(pair => !pair.Value.SequenceEqual(weights[pair.Key])).Select(pair => pair.Key));
    }

    // The head has 21 weights, all else 24.
    [Theory]
    [InlineData(45, 24, 21)]
    [InlineData(40, 19, 21)]
    [InlineData(20, 8, 12)]
    [InlineData(2, 1, 1)]
    public void The_head_has_a_latent_of_its_own_and_most_of_few_parameters(int parameters, int forRest, int forHead)
    {
        using var model = FineTuning.Of(target, pretrained).Scales(parameters).Build();

        Assert.Equal([("latent1", (long)forRest), ("latent2", (long)forHead)], model.TrainedTensors.Select(pair => (pair.Key, pair.Value.numel())));
        SetAll(model, 1, "latent2");
        var weights = ByName(model);
        Assert.Equal(["fc2.weight", "fc2.bias"], Base().Where(pair => !pair.Value.SequenceEqual(weights[pair.Key])).Select(pair => pair.Key));
    }

    [Fact]
    public void One_parameter_moves_all()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(1).Build();
        SetAll(model, 1);

        Assert.Equal(1, model.TrainableCount);
        var weights = ByName(model);
        Assert.Equal(Moved, Base().Where(pair => !pair.Value.SequenceEqual(weights[pair.Key])).Select(pair => pair.Key));
    }

    [Fact]
    public void A_head_moves_by_a_strength_of_its_own()
    {
        using var usual = FineTuning.Of(target, pretrained).Scales(20).Build();
        using var far = FineTuning.Of(target, pretrained).Scales(20, headStrength: 2).Build();
        foreach (var model in new[] { usual, far })
            SetAll(model, 1);

        var (origin, near, away) = (Base(), ByName(usual), ByName(far));
        Assert.Equal(near["bn1.weight"], away["bn1.weight"]);
        Assert.Equal(4 * Math.Abs(near["fc2.weight"][0] - origin["fc2.weight"][0]), Math.Abs(away["fc2.weight"][0] - origin["fc2.weight"][0]), 0.01);
    }

    [Fact]
    public void Patterns_choose_among_them()
    {
        using var model = FineTuning.Of(target, pretrained).Scales(4, layers: ["bn1", "fc1"]).Build();
        SetAll(model, 1);

        var weights = ByName(model);
        Assert.Equal(["bn1.weight", "bn1.bias", "fc1.bias"], Base().Where(pair => !pair.Value.SequenceEqual(weights[pair.Key])).Select(pair => pair.Key));
    }

    [Theory]
    [InlineData(FixedWeightsKind.SignedPermutation)]
    [InlineData(FixedWeightsKind.Hadamard)]
    public void It_is_saved_and_loaded_bit_for_bit(FixedWeightsKind kind)
    {
        using var folder = new TemporaryFolder();
        using var model = FineTuning.Of(Network(5), pretrained).Scales(20, fixedWeights: kind).WithSeed(8).Build();
        Spread(model);
        model.SaveAdapter(folder.File("a.safetensors"));

        using var loaded = FineTunedModel.LoadAdapter(folder.File("a.safetensors"), Network(5), pretrained);

        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
    }

    [Fact]
    public void Second_order_and_the_average_of_the_latent_train_it()
    {
        using var data = Pictures();
        foreach (var options in new TrainingOptions[]
        {
            new() { Epochs = 12, BatchSize = 32, LearningRate = 1, Optimizer = TrainingOptimizer.FullMatrix },
            new() { Epochs = 12, BatchSize = 16, LearningRate = 0.025, AverageLastEpochs = 3, RestoreAverage = true },
        })
        {
            using var model = FineTuning.Of(target, pretrained).Scales(20, headStrength: 2).Build();
            var before = Evaluation.Of(model, data).Loss;
            new Trainer(model, options).Fit(data);
            Assert.True(Evaluation.Of(model, data).Loss < 0.6 * before, $"{options.Optimizer}: {Evaluation.Of(model, data).Loss} of {before}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_first_gradients_share_the_parameters_out(bool hasZeroHead)
    {
        using var scope = NewDisposeScope();
        using var data = Pictures();
        using var start = DirectModel.For(target, seed: 4);
        using (no_grad())
            foreach (var name in hasZeroHead ? new[] { "fc2.weight", "fc2.bias" } : [])
                start.get_parameter(name)!.zero_();
        using var from = PretrainedWeights.Of(start);
        // No gradient goes to a layer whose channels the loss does not read: here everything before the head where that is zero.
        FineTunedModel Build(Func<Tensor, Tensor> loss) => FineTuning.Of(target, from).Scales(25).SplitByGradient([data.Inputs], loss).WithSeed(5).Build();
        using var model = Build(y => nn.functional.cross_entropy(y, data.Labels));
        using var again = Build(y => nn.functional.cross_entropy(y, data.Labels));

        var shares = model.Configuration.Parts[0].Mapping!.LayerWise!.ToDictionary(layer => layer.Layer, layer => layer.Latents);
        Assert.Equal(["conv1", "bn1", "fc1", "ln1", "fc2"], shares.Keys);
        Assert.Equal(25, shares.Values.Sum());
        Assert.Equal(shares.Values, again.Configuration.Parts[0].Mapping!.LayerWise!.Select(layer => layer.Latents));
        Assert.InRange(shares["ln1"], 2, 12);
        Assert.InRange(shares["fc2"], 6, 21);
        using var folder = new TemporaryFolder();
        Spread(model);
        model.SaveAdapter(folder.File("a.safetensors"));
        using var loaded = FineTunedModel.LoadAdapter(folder.File("a.safetensors"), target, from);
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
    }

    [Fact]
    public void A_split_that_cannot_be_measured_is_refused()
    {
        using var data = Pictures();
        var start = FineTuning.Of(target, pretrained);

        string Refusal(Func<FineTuning> step) => Assert.Throws<ArgumentException>(() => step().Build()).Message;
        Assert.Contains("no effect", Refusal(() => start.Groups(3).SplitByGradient([data.Inputs], y => y.sum())), StringComparison.Ordinal);
        Assert.Contains("no input", Refusal(() => start.Scales().SplitByGradient([], y => y.sum())), StringComparison.Ordinal);
        Assert.Contains("a tensor of (64, 3)", Refusal(() => start.Scales().SplitByGradient([data.Inputs], y => y)), StringComparison.Ordinal);
        Assert.Contains("cut off", Refusal(() => start.Scales().SplitByGradient([data.Inputs], y => y.detach().sum())), StringComparison.Ordinal);
        Assert.Contains("not finite", Refusal(() => start.Scales().SplitByGradient([data.Inputs], y => y.sum() / 0)), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_numbers_of_a_layer_norm_over_several_dimensions_belong_to_it_in_a_module_too()
    {
        using var scope = NewDisposeScope();
        var module = nn.Sequential(
            ("conv", nn.Conv2d(1, 2, 3)), ("norm", nn.LayerNorm([2, 2, 2])), ("flat", nn.Flatten()), ("middle", nn.Linear(8, 4)), ("head", nn.Linear(4, 3)));
        using var lent = TargetNetwork.From(module, zeros(1, 1, 4, 4));
        using var own = PretrainedWeights.Of(lent);
        using var model = FineTuning.Of(lent, own).Scales(10).Build();
        var before = ByName(model);
        SetAll(model, 1);

        var weights = ByName(model);
        Assert.Equal(
            ["conv.bias", "norm.weight", "norm.bias", "middle.bias", "head.weight", "head.bias"],
            before.Where(pair => !pair.Value.SequenceEqual(weights[pair.Key])).Select(pair => pair.Key));
    }

    [Fact]
    public void Misfits_are_refused_by_name()
    {
        var start = FineTuning.Of(target, pretrained);

        Assert.Equal("parameters", Assert.Throws<ArgumentOutOfRangeException>(() => start.Scales(0)).ParamName);
        Assert.Equal("strength", Assert.Throws<ArgumentOutOfRangeException>(() => start.Scales(5, strength: 0)).ParamName);
        Assert.Equal("headStrength", Assert.Throws<ArgumentOutOfRangeException>(() => start.Scales(5, headStrength: double.NaN)).ParamName);
        Assert.Equal("fixedWeights", Assert.Throws<ArgumentOutOfRangeException>(() => start.Scales(5, fixedWeights: (FixedWeightsKind)9)).ParamName);
        Assert.Contains("are 45 weights", Assert.Throws<ArgumentOutOfRangeException>(() => start.Scales(46).Build()).Message, StringComparison.Ordinal);
        Assert.Contains(
            "no scale, shift, bias or head", Assert.Throws<ArgumentException>(() => start.Scales(5, layers: ["conv1.weight"]).Build()).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "'fc1.bias' would be changed by Scales and by Groups",
            Assert.Throws<ArgumentException>(() => start.Scales(5, layers: ["fc1"]).Groups(2, layers: ["fc1"]).Build()).Message, StringComparison.Ordinal);
    }

    private static Dataset Pictures()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var inputs = randn([64, 1, 4, 4], generator: generator);
        return Dataset.FromTensors(inputs, inputs.mean([1, 2, 3]).gt(0).to(int64), ["a", "b", "c"]);
    }
}
