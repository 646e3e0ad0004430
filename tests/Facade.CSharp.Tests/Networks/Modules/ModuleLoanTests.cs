using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A module belongs to one target at a time, and nothing that is disposed early takes the process or a later disposal with it.</summary>
public sealed class ModuleLoanTests
{
    private static nn.Module<Tensor, Tensor> Network() =>
        nn.Sequential(("body", nn.Sequential(("fc", nn.Linear(6, 4)), ("bn", nn.BatchNorm1d(4)))), ("head", nn.Linear(4, 3)));

    [Fact]
    public void A_module_on_loan_is_lent_to_no_second_target_neither_whole_nor_in_part()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        var part = module.named_children().First().module;
        using var around = nn.Sequential(("inner", module), ("last", nn.Linear(3, 1)));
        using (TargetNetwork.From(module, zeros(2, 6), "first"))
        {
            Assert.Contains("The module is on loan to the target 'first'", Refusal(module));
            Assert.Contains("is on loan to the target 'first'", Refusal(part));
            Assert.Contains("is on loan to the target 'first'", Refusal(around));
        }

        using (TargetNetwork.From(part, zeros(2, 6), "second"))
            Assert.Contains("is on loan to the target 'second'", Refusal(module));
        TargetNetwork.From(around, zeros(2, 6)).Dispose();

        static string Refusal(nn.Module module) =>
            Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(module, zeros(2, 6))).Message;
    }

    [Fact]
    public void A_refused_module_is_not_on_loan()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        Assert.ThrowsAny<Exception>(() => TargetNetwork.From(module, zeros(2, 5)));

        using var target = TargetNetwork.From(module, zeros(2, 6));

        Assert.Equal([3L], target.OutputShape);
    }

    [Fact]
    public void A_disposed_target_says_that_its_copies_of_the_weights_are_gone()
    {
        using var module = Network();
        var target = TargetNetwork.From(module, zeros(2, 6), "lent");
        PretrainedWeights.Of(target).Dispose();
        target.Dispose();

        Assert.Contains("'lent' was disposed", Assert.Throws<ObjectDisposedException>(() => PretrainedWeights.Of(target)).Message);
        Assert.Contains("'lent' was disposed", Assert.Throws<ObjectDisposedException>(() => target.OwnWeights).Message);
    }

    [Fact]
    public void Disposing_in_any_order_never_throws()
    {
        using var scope = NewDisposeScope();
        Action<IDisposable, IDisposable, IDisposable>[] orders =
        [
            (module, target, model) => { module.Dispose(); target.Dispose(); model.Dispose(); target.Dispose(); module.Dispose(); },
            (module, target, model) => { module.Dispose(); model.Dispose(); target.Dispose(); },
            (module, target, model) => { target.Dispose(); module.Dispose(); model.Dispose(); },
            (module, target, model) => { model.Dispose(); module.Dispose(); target.Dispose(); },
        ];
        foreach (var order in orders)
            foreach (var own in new Func<(nn.Module Module, Tensor Example, Func<Tensor, Tensor> Forward)>[]
            {
                () => Network() is var plain ? (plain, zeros(2, 6), plain.call) : default,
                () => nn.LSTM(3, 2, batchFirst: true) is var lstm ? (lstm, zeros(2, 4, 3), x => lstm.call(x).Item1.select(1, -1)) : default,
            })
            {
                var (module, example, forward) = own();
                var target = TargetNetwork.From(module, example, forward);
                var model = DirectModel.For(target, 1);
                model.Predict(example);
                order(module, target, model);
            }
    }

    [Fact]
    public void A_disposed_module_or_target_says_so_when_it_is_used()
    {
        using var scope = NewDisposeScope();
        var module = Network();
        var target = TargetNetwork.From(module, zeros(2, 6), "early");
        using var model = DirectModel.For(target, 1);

        module.Dispose();
        Assert.Contains(
            "The module that the target 'early' has on loan was disposed",
            Assert.Throws<ObjectDisposedException>(() => model.Predict(zeros(2, 6))).Message);
        target.Dispose();
        Assert.Contains(
            "The target 'early' was disposed", Assert.Throws<ObjectDisposedException>(() => model.Predict(zeros(2, 6))).Message);
    }

    [Fact]
    public void Inference_mode_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor> made;
        using (inference_mode(true))
        {
            made = nn.Linear(3, 2);
            var plain = made;
            Assert.Contains("inference_mode", Assert.Throws<InvalidOperationException>(() => TargetNetwork.From(plain, zeros(1, 3))).Message);
            Assert.Contains("inference_mode", Assert.Throws<InvalidOperationException>(() => Small.Slvt()).Message);
        }

        using (made)
            Assert.Contains(
                "was made under torch.inference_mode",
                Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(made, zeros(1, 3))).Message);
    }

    [Fact]
    public void Going_back_through_a_pass_of_a_disposed_target_gives_no_numbers_and_does_not_end_the_process()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        var target = TargetNetwork.From(module, zeros(2, 6));
        using var model = DirectModel.For(target, 1);
        var input = ones(2, 6).requires_grad_();
        var output = model.call(input);

        target.Dispose();
        output.sum().backward();

        Assert.All(model.Trainables, trained => Assert.True(trained.grad!.isnan().all().item<bool>()));
        Assert.True(input.grad!.isnan().all().item<bool>());
        Assert.All(module.parameters(), parameter => Assert.Null(parameter.grad));
    }

    private sealed class Told : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layer = nn.Linear(3, 2);

        public Told()
            : base("told") => RegisterComponents();

        public Action? OnMode { get; set; }

        public override Tensor forward(Tensor input) => layer.call(input);

        public override void train(bool train = true)
        {
            base.train(train);
            OnMode?.Invoke();
        }
    }

    [Fact]
    public void A_module_is_on_loan_until_it_is_back_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var module = new Told();
        var target = TargetNetwork.From(module, zeros(2, 3), "first");
        ArgumentException? refusal = null;
        module.OnMode = () =>
        {
            module.OnMode = null;
            refusal = Assert.Throws<ArgumentException>("module", () => TargetNetwork.From(module, zeros(2, 3), "second"));
        };

        target.Dispose();

        Assert.Contains("is on loan to the target 'first'", refusal?.Message);
        TargetNetwork.From(module, zeros(2, 3), "second").Dispose();
    }

    private sealed class Same() : nn.Module<Tensor, Tensor>("same")
    {
        public override Tensor forward(Tensor input) => input;
    }

    [Fact]
    public void A_module_with_a_disposed_part_is_not_on_loan_after_it_was_refused()
    {
        using var scope = NewDisposeScope();
        var same = new Same();
        var layer = nn.Linear(3, 2);
        using var module = nn.Sequential(("fc", layer), ("same", same));
        layer.call(ones(2, 3)).sum().backward();
        same.Dispose();

        for (var time = 0; time < 2; time++)
            Assert.Throws<ObjectDisposedException>(() => TargetNetwork.From(module, zeros(2, 3)));
        Assert.Equal(2f, layer.weight.grad!.max().item<float>());
    }
}
