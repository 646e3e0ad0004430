using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// A native LSTM of 16 hidden units or fewer: libtorch 2.10's pass without gradients, by oneDNN, puts out something else than its
/// pass with gradients on some machines. Predictions and evaluations must be those of the network that was trained.
/// </summary>
public class NativeLstmTests
{
    [Theory]
    [InlineData(8, false)]
    [InlineData(16, false)]
    [InlineData(16, true)]
    [InlineData(32, false)]
    public void Predictions_follow_the_equations_of_an_lstm(long hidden, bool frozen)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var module = new Recurrent(hidden);
        foreach (var parameter in module.Lstm.parameters())
            parameter.requires_grad = !frozen;
        var input = randn(4, 6, 5);
        using var target = TargetNetwork.From(module, input, "recurrent");
        using var model = MappingNetwork.For(target).SingleLatent(32).Build();

        var predicted = model.Predict(input);
        using var without = no_grad();
        var passed = model.call(input);
        Assert.False(predicted.requires_grad || passed.requires_grad);

        model.WriteInto(module);
        target.Dispose();
        var expected = module.Head.call(Equations(module.Lstm, input, hidden));
        Assert.InRange((predicted - expected).abs().max().item<float>(), 0, 1e-5);
        Assert.InRange((passed - expected).abs().max().item<float>(), 0, 1e-5);
    }

    /// <summary>The last state h of i, f, g, o = W x + b + U h + c; c = s(f) c + s(i) tanh(g); h = s(o) tanh(c).</summary>
    private static Tensor Equations(LSTM lstm, Tensor input, long hidden)
    {
        var weights = lstm.state_dict();
        var (state, cell) = (zeros(input.shape[0], hidden), zeros(input.shape[0], hidden));
        foreach (var step in input.unbind(1))
        {
            var sums = nn.functional.linear(step, weights["weight_ih_l0"], weights["bias_ih_l0"])
                + nn.functional.linear(state, weights["weight_hh_l0"], weights["bias_hh_l0"]);
            var gates = sums.chunk(4, 1);
            cell = (gates[1].sigmoid() * cell) + (gates[0].sigmoid() * gates[2].tanh());
            state = gates[3].sigmoid() * cell.tanh();
        }

        return state;
    }

    private sealed class Recurrent : nn.Module<Tensor, Tensor>
    {
        public LSTM Lstm { get; }

        public Linear Head { get; }

        public Recurrent(long hidden)
            : base(nameof(Recurrent))
        {
            Lstm = nn.LSTM(5, hidden, batchFirst: true);
            Head = nn.Linear(hidden, 3);
            register_module("lstm", Lstm);
            register_module("head", Head);
        }

        public override Tensor forward(Tensor input) => Head.call(Lstm.call(input).Item1.select(1, -1));
    }
}
