using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static MappingNets.Tests.ModuleTargetTests;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A user's own module is fine-tuned and ends as a plain module with the merged weights.</summary>
public sealed class WrittenModuleTests
{
    /// <summary>Batch norm with running statistics, a frozen layer, and one that is used twice; each has two names.</summary>
    private sealed class Mine : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first;
        private readonly BatchNorm1d bn;
        private readonly Linear frozen;
        private readonly Linear twice;
        private readonly Linear again;
        private readonly BatchNorm1d bnAgain;
        private readonly Linear frozenAgain;

        public Mine(int hidden = 6)
            : base("mine")
        {
            first = nn.Linear(4, hidden);
            bn = nn.BatchNorm1d(hidden);
            frozen = nn.Linear(hidden, 3);
            twice = nn.Linear(3, 3);
            (again, bnAgain, frozenAgain) = (twice, bn, frozen);
            RegisterComponents();
            foreach (var parameter in frozen.parameters())
                parameter.requires_grad = false;
        }

        public override Tensor forward(Tensor input) =>
            again.call(twice.call(frozenAgain.call(bnAgain.call(first.call(input)).tanh())).tanh());
    }

    private static FineTunedModel Trained(ModuleTarget target, Dataset data)
    {
        using var pretrained = PretrainedWeights.Of(target);
        var model = FineTuning.Of(target, pretrained).Groups(20).Build();
        new Trainer(model, new() { Epochs = 2, BatchSize = 8, FrozenStatistics = false }).Fit(data);
        return model;
    }

    [Fact]
    public void The_module_on_loan_goes_back_with_the_weights_that_were_written()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var module = new Mine();
        module.eval();
        var before = Small.Bits(module.call(data.Inputs));
        var target = TargetNetwork.From(module, zeros(2, 4));
        using var model = Trained(target, data);
        var expected = Small.Bits(model.Predict(data.Inputs));
        Assert.NotEqual(before, expected);

        model.WriteInto(module);

        Assert.Equal(expected, Small.Bits(model.Predict(data.Inputs)));
        target.Dispose();
        Assert.Equal(expected, Small.Bits(module.call(data.Inputs)));
        Assert.Equal(6, module.state_dict()["bn.num_batches_tracked"].item<long>());
        Assert.Equal([false, false], module.named_parameters().Where(pair => pair.name.StartsWith("frozen")).Select(pair => pair.parameter.requires_grad));
    }

    [Fact]
    public void Another_module_of_the_class_becomes_the_same_function_and_the_first_comes_back_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var module = new Mine();
        using var copy = new Mine();
        module.eval();
        copy.eval();
        var before = Small.Bits(module.call(data.Inputs));
        using (var target = TargetNetwork.From(module, zeros(2, 4)))
        using (var model = Trained(target, data))
        {
            model.WriteInto(copy);
            Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(copy.call(data.Inputs)));
        }

        Assert.Equal(before, Small.Bits(module.call(data.Inputs)));
        Assert.NotEqual(before, Small.Bits(copy.call(data.Inputs)));
    }

    [Fact]
    public void A_host_writes_the_adapter_that_answers()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var module = new Mine();
        using var copy = new Mine();
        copy.eval();
        using var target = TargetNetwork.From(module, zeros(2, 4));
        using var pretrained = PretrainedWeights.Of(target);
        using var host = new AdapterHost(target, pretrained);
        using var model = Trained(target, data);
        host.Add("it", model);
        host.SetActive("it");

        host.WriteInto(copy);

        Assert.Equal(Small.Bits(host.Predict(data.Inputs)), Small.Bits(copy.call(data.Inputs)));
        Assert.Contains("WriteInto", Assert.Throws<NotSupportedException>(host.Materialize).Message);
    }

    [Fact]
    public void A_built_network_is_written_into_a_module_of_its_shapes()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(8);
        using var model = DirectModel.For(Small.Classifier(), 3);
        using var module = nn.Sequential(("fc1", nn.Linear(4, 14)), ("tanh", nn.Tanh()), ("fc2", nn.Linear(14, 3)));

        model.WriteInto(module);

        Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(module.call(data.Inputs)));
    }

    [Theory]
    [InlineData("shape", "'fc1.weight' has the shape (15, 4); the weights have (14, 4)")]
    [InlineData("missing", "has no 'fc2.weight'")]
    [InlineData("unknown", "has 'fc3.weight' too")]
    public void A_module_that_does_not_fit_is_refused_and_left_alone(string fault, string message)
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(Small.Classifier(), 3);
        using var module = fault switch
        {
            "shape" => nn.Sequential(("fc1", nn.Linear(4, 15)), ("fc2", nn.Linear(15, 3))),
            "missing" => nn.Sequential(("fc1", nn.Linear(4, 14))),
            _ => nn.Sequential(("fc1", nn.Linear(4, 14)), ("fc2", nn.Linear(14, 3)), ("fc3", nn.Linear(3, 3))),
        };
        var before = module.state_dict().Values.Select(tensor => tensor.detach().clone()).ToArray();

        var refusal = Assert.Throws<ArgumentException>(() => model.WriteInto(module));

        Assert.Equal("module", refusal.ParamName);
        Assert.Contains(message, refusal.Message);
        Assert.All(module.state_dict().Values.Zip(before), pair => Assert.Equal(Small.Bits(pair.Second), Small.Bits(pair.First.detach())));
    }
}
