using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Modules whose inputs are whole numbers, several, or of another precision, from the module to the trained model.</summary>
public sealed class ModuleInputTests
{
    private sealed class Tagger : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding table;
        private readonly Linear head;

        public Tagger()
            : base("tagger")
        {
            table = nn.Embedding(12, 4);
            head = nn.Linear(4, 3);
            RegisterComponents();
        }

        public override Tensor forward(Tensor tokens) => head.call(table.call(tokens).mean([1]));
    }

    private static Tensor Tokens(int samples)
    {
        using var generator = new Generator(3);
        return randint(0, 12, [samples, 5], dtype: int64, generator: generator);
    }

    private static Tensor Numbers(params long[] shape)
    {
        using var generator = new Generator(5);
        return rand(shape, generator: generator, dtype: float32) * 2 - 1;
    }

    private static Dataset Classes(IReadOnlyList<Tensor> inputs, Tensor tokens) =>
        Dataset.FromTensors(inputs, tokens.select(1, 0).remainder(3), ["a", "b", "c"]);

    private static TrainingOptions Options => new() { Epochs = 6, BatchSize = 8, ValidationFraction = 0.25 };

    [Fact]
    public void A_host_of_adapters_takes_several_inputs_too()
    {
        using var scope = NewDisposeScope();
        using var module = new TokensAndNumbers();
        var (tokens, numbers) = (Tokens(40), Numbers(40, 2));
        using var target = TargetNetwork.From(module, [tokens, numbers]);
        using var data = Classes([tokens, numbers], tokens);
        using var pretrained = PretrainedWeights.Of(target);
        using var host = new AdapterHost(target, pretrained);
        using var model = FineTuning.Of(target, pretrained).Groups(10).Build();
        new Trainer(model, Options).Fit(data);
        host.Add("tuned", model);
        host.SetActive("tuned");

        Assert.Equal(Small.Bits(model.Predict([tokens, numbers])), Small.Bits(host.Predict([tokens, numbers], out var name)));
        Assert.Equal("tuned", name);
        Assert.Equal(Small.Bits(host.Predict([tokens, numbers])), Small.Bits(model.Predict([tokens, numbers])));
        Assert.Throws<ArgumentException>("inputs", () => host.Predict([tokens]));
    }

    [Fact]
    public void Token_ids_go_from_the_module_to_the_trained_model()
    {
        using var scope = NewDisposeScope();
        using var module = new Tagger();
        var tokens = Tokens(40);
        using var target = TargetNetwork.From(module, tokens);
        using var data = Classes([tokens], tokens);
        using var model = MappingNetwork.For(target).SingleLatent(24).WithSeed(1).Build();

        var report = new Trainer(model, Options).Fit(data);

        Assert.Equal("(5) Int64", Assert.Single(target.Inputs).ToString());
        Assert.True(report.History[^1].TrainingLoss < report.History[0].TrainingLoss);
        Assert.Equal([2L, 3], model.Predict(tokens[..2]).shape);
        Assert.Equal(40, Evaluation.Of(model, data).Count);
        Assert.Contains(
            "the input is Float32; it must be Int64",
            Assert.Throws<ArgumentException>("input", () => model.Predict(zeros(2, 5))).Message);
        using var floats = Dataset.FromTensors(zeros(3, 5), zeros([3], int64), ["a", "b", "c"]);
        Assert.Contains("Float32; they must be Int64", Assert.Throws<ArgumentException>(() => new Trainer(model).Fit(floats)).Message);
    }

    [Fact]
    public void Several_inputs_go_from_the_module_to_the_trained_model()
    {
        using var scope = NewDisposeScope();
        using var module = new TokensAndNumbers();
        var (tokens, numbers) = (Tokens(40), Numbers(40, 2));
        using var target = TargetNetwork.From(module, [tokens, numbers]);
        using var data = Classes([tokens, numbers], tokens);
        using var model = MappingNetwork.For(target).LayerWise(24).WithSeed(1).Build();
        var before = model.Predict([tokens, numbers]);

        var report = new Trainer(model, Options).Fit(data);
        model.WriteInto(module);
        var predicted = model.Predict([tokens, numbers]);
        target.Dispose();

        Assert.Equal(["(5) Int64", "(2)"], target.Inputs.Select(input => input.ToString()));
        Assert.True(report.History[^1].TrainingLoss < report.History[0].TrainingLoss);
        Assert.True((predicted - before).abs().max().ToDouble() > 1e-3);
        module.eval();
        Assert.True((module.call(tokens, numbers) - predicted).abs().max().ToDouble() < 1e-6);
        Assert.Throws<InvalidOperationException>(() => target.InputShape);
    }

    [Fact]
    public void The_gradient_of_each_input_and_weight_is_right()
    {
        using var scope = NewDisposeScope();
        using var module = new Product();
        module.to(float64);
        using var target = TargetNetwork.From(module, [zeros([1, 3], float64), zeros([1, 2], float64)], given => module.call(given[0], given[1]));

        using var generator = new Generator(2);
        Tensor Some(params long[] shape) => rand(shape, float64, generator: generator) - 0.5;
        Differences.Check(
            tensors => target.Forward(tensors[..2], tensors[2..]).square().sum(),
            [Some(4, 3), Some(4, 2), .. target.Parameters.Select(p => Some([.. p.Shape]))]);
    }

    private sealed class Product : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear left;
        private readonly Linear right;

        public Product()
            : base("product")
        {
            left = nn.Linear(3, 2);
            right = nn.Linear(2, 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor first, Tensor second) => left.call(first).tanh() * right.call(second);
    }

    [Fact]
    public void Inputs_that_do_not_fit_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var module = new TokensAndNumbers();
        var (tokens, numbers) = (Tokens(4), Numbers(4, 2));
        using var target = TargetNetwork.From(module, [tokens, numbers], name: "both");
        using var model = DirectModel.For(target, 1);

        Assert.Contains("'both' takes 2 inputs; the pass got 1", Refusal(tokens));
        Assert.Contains("input 2 is Int64; it must be Float32", Refusal(tokens, zeros([4, 2], int64)));
        Assert.Contains("input 2 has (4, 3)", Refusal(tokens, zeros(4, 3)));
        Assert.Contains("input 2 has 3, input 1 has 4", Refusal(tokens, zeros(3, 2)));
        Assert.Contains("A TokensAndNumbers does not take one tensor", Assert.Throws<ArgumentException>(() => TargetNetwork.From(new TokensAndNumbers(), tokens)).Message);
        using var one = Classes([tokens], tokens);
        Assert.Contains("Each sample has 1 inputs; 'both' takes 2", Assert.Throws<ArgumentException>(() => new Trainer(model).Fit(one)).Message);
        Assert.Contains(
            "must have equally many",
            Assert.Throws<ArgumentException>("exampleInputs", () => TargetNetwork.From(new TokensAndNumbers(), [tokens, zeros(3, 2)])).Message);

        string Refusal(params Tensor[] inputs) => Assert.ThrowsAny<ArgumentException>(() => model.Predict(inputs)).Message;
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void A_module_of_another_precision_is_trained_in_it(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("a", nn.Linear(4, 8)), ("tanh", nn.Tanh()), ("b", nn.Linear(8, 3)));
        module.to(type);
        using var target = TargetNetwork.From(module, zeros(1, 4));
        using var data = Small.Classes();
        using var model = MappingNetwork.For(target).SingleLatent(24).WithSeed(1).Build();

        var report = new Trainer(model, Options).Fit(data);

        Assert.Equal(type, Assert.Single(target.Inputs).Type);
        Assert.True(report.History[^1].TrainingLoss < report.History[0].TrainingLoss);
        var input = data.Inputs[..5];
        Assert.Equal(ScalarType.Float32, model.Predict(input).dtype);
        Assert.True(model.Predict(input).equal(model.Predict(input.to(type))).all().item<bool>() || type != ScalarType.Float64);
        using var low = DirectModel.For(target.LowRank("a", 2), 1);
        Assert.Equal(low.Predict(input).shape, low.Predict(input.to(type)).shape);
        model.WriteInto(module);
        target.Dispose();
        module.eval();
        Assert.True((module.call(input.to(type)).to(float32) - model.FlatWeights().sum() * 0).isfinite().all().item<bool>());
        Assert.All(module.parameters(), parameter => Assert.Equal(type, parameter.dtype));
    }
}
