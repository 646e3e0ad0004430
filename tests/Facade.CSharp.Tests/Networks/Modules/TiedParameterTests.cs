using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Parameters of a user's module that share memory: one parameter, whatever handles and layers lead to it, or a refusal.</summary>
public sealed class TiedParameterTests
{
    private const int Tokens = 11;

    /// <summary>A language model whose head is its embedding table.</summary>
    private sealed class LanguageModel : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding table;
        private readonly Linear mixed;
        private readonly Linear head;

        public LanguageModel(bool tied = true)
            : base("language-model")
        {
            table = nn.Embedding(Tokens, 6);
            mixed = nn.Linear(6, 6);
            head = nn.Linear(6, Tokens, hasBias: false);
            if (tied)
                head.weight = table.weight!;
            RegisterComponents();
        }

        public override Tensor forward(Tensor tokens) => head.call(mixed.call(table.call(tokens)).tanh()).mean([1]);
    }

    private static Tensor Text(int samples)
    {
        using var generator = new Generator(4);
        return randint(0, Tokens, [samples, 5], dtype: int64, generator: generator);
    }

    [Fact]
    public void A_tied_language_model_head_is_one_parameter_and_gets_the_gradients_of_both_uses()
    {
        using var scope = NewDisposeScope();
        using var module = new LanguageModel();
        using var target = TargetNetwork.From(module, Text(2));
        Tensor[] weights = [.. LayerTests.SomeWeights(target).Select(weight => weight.requires_grad_())];
        var (text, seen) = (Text(4), Small.Uniform(4, Tokens));

        (target.Forward(text, weights) * seen).sum().backward();

        Assert.Equal(["table.weight", "mixed.weight", "mixed.bias"], target.Parameters.Select(p => p.Name));
        Assert.Contains("head.weight: tied, the same parameter as table.weight", target.Describe());
        var table = weights[0].detach().clone().requires_grad_();
        var values = nn.functional.linear(
            table.index_select(0, text.reshape(-1)).reshape(4, 5, 6), weights[1].detach(), weights[2].detach()).tanh();
        (nn.functional.linear(values, table).mean([1]) * seen).sum().backward();
        Assert.True((table.grad! - weights[0].grad!).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Training_a_tied_model_changes_both_uses_alike_and_the_written_module_keeps_the_tie()
    {
        using var scope = NewDisposeScope();
        using var module = new LanguageModel();
        var target = TargetNetwork.From(module, Text(2));
        var text = Text(24);
        using var data = Dataset.FromTensors(text, text.select(1, 0), [.. Enumerable.Range(0, Tokens).Select(token => $"{token}")]);
        using var model = MappingNetwork.For(target).SingleLatent(40).WithSeed(2).Build();
        var before = model.Predict(text);

        var report = new Trainer(model, new TrainingOptions { Epochs = 4, BatchSize = 8 }).Fit(data);
        model.WriteInto(module);
        var after = model.Predict(text);
        target.Dispose();

        Assert.True((after - before).abs().max().ToDouble() > 1e-3);
        Assert.True(report.History[^1].TrainingLoss < report.History[0].TrainingLoss);
        var state = module.state_dict();
        Assert.True(state["table.weight"].equal(state["head.weight"]).all().item<bool>());
        module.eval();
        Assert.True((module.call(text) - after).abs().max().ToDouble() < 1e-5);
        using var other = new LanguageModel(tied: false);
        using var again = TargetNetwork.From(module, Text(2));
        using var direct = DirectModel.For(again, 3);
        direct.WriteInto(other);
        Assert.True(other.state_dict()["table.weight"].equal(other.state_dict()["head.weight"]).all().item<bool>());
    }

    private sealed class Views(Func<Parameter, Tensor> view) : nn.Module<Tensor, Tensor>("views")
    {
        private Parameter? first;
        private Parameter? second;

        public Views Registered()
        {
            first = new Parameter(rand(4, 4));
            second = new Parameter(view(first));
            register_parameter("first", first);
            register_parameter("second", second);
            return this;
        }

        public override Tensor forward(Tensor input) => nn.functional.linear(nn.functional.linear(input, first!), second!);
    }

    /// <summary>A linear layer, with a parameter or a buffer besides that shares memory.</summary>
    private sealed class Sharing : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear layer = nn.Linear(4, 3);

        public Sharing(bool isBuffer)
            : base("Sharing")
        {
            RegisterComponents();
            if (isBuffer)
                register_buffer("view", layer.weight!.detach().t());
            else
                register_parameter("wide", new Parameter(zeros(1).expand(3)));
        }

        public override Tensor forward(Tensor input) => layer.call(input);
    }

    [Fact]
    public void A_buffer_in_a_parameters_memory_and_an_expanded_parameter_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var view = new Sharing(isBuffer: true);
        Assert.Contains(
            "The buffer 'view' shares the memory of the parameter 'layer.weight'",
            Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(view, zeros(1, 4))).Message);
        using var expanded = new Sharing(isBuffer: false);
        Assert.Contains(
            "'wide' has several elements in one place of memory",
            Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(expanded, zeros(1, 4))).Message);
    }

    public static TheoryData<Func<Parameter, Tensor>> OverlappingViews => new()
    {
        parameter => parameter.detach().t(),
        parameter => parameter.detach().narrow(0, 1, 3).narrow(1, 0, 4),
        parameter => parameter.detach().slice(0, 0, 4, 2),
    };

    [Theory]
    [MemberData(nameof(OverlappingViews))]
    public void Views_that_overlap_without_being_equal_are_refused_by_name(Func<Parameter, Tensor> view)
    {
        using var scope = NewDisposeScope();
        using var module = new Views(view).Registered();

        var refusal = Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(module, zeros(1, 4)));

        Assert.Contains("'first' and 'second' are different views of one memory", refusal.Message);
    }

    [Fact]
    public void Parts_of_one_buffer_that_do_not_overlap_are_parameters_of_their_own()
    {
        using var scope = NewDisposeScope();
        var flat = rand(32);
        using var module = new Halves(flat);
        using var target = TargetNetwork.From(module, zeros(1, 4));

        Assert.Equal(32, target.ParameterCount);
        Tensor[] weights = [full([4, 4], 1f), full([4, 4], 2f)];
        Assert.Equal(4 * 4 * 2f, target.Forward(ones(1, 4), weights)[0, 0].item<float>());
    }

    private sealed class Halves : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter first;
        private readonly Parameter second;

        public Halves(Tensor flat)
            : base("halves")
        {
            first = new Parameter(flat.narrow(0, 0, 16).view(4, 4));
            second = new Parameter(flat.narrow(0, 16, 16).view(4, 4));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => nn.functional.linear(nn.functional.linear(input, first), second);
    }

    [Fact]
    public void Two_handles_to_one_memory_of_which_one_is_frozen_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var module = new Views(parameter => parameter.detach()).Registered();
        module.get_parameter("second")!.requires_grad = false;

        var refusal = Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(module, zeros(1, 4)));

        Assert.Contains("'first' and 'second' are one memory, and only one of them is frozen", refusal.Message);
    }
}
