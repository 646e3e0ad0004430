using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a long short-term memory that starts from a state of zero: (time, features) -> (hidden), the state after the last
    /// step, or (time, hidden). Weights as PyTorch has them: gates in the order input, forget, cell, output, two bias vectors.
    /// </summary>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="layers">How many stand on one another, at least 1.</param>
    /// <param name="wholeSequence">Whether the states of all steps are put out rather than the last.</param>
    /// <param name="name">The layer's name, or null for "lstm1", "lstm2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no sequence.</exception>
    public TargetNetworkBuilder Lstm(long hidden, int layers = 1, bool wholeSequence = false, string? name = null) =>
        Add(new LstmLayer(hidden, layers, wholeSequence, name));
}

/// <summary>Long short-term memory: gates input, forget, cell and output.</summary>
internal sealed class LstmLayer(long hidden, int layers, bool wholeSequence, string? name)
    : RecurrentLayer(4, hidden, layers, wholeSequence, name)
{
    public override string Kind => "LSTM";

    public override string NamePrefix => "lstm";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewLstmLayer(at.Name, Layers, WholeSequence);

    protected override IEnumerable<Tensor> States(
        Tensor input, Tensor inputWeight, Tensor stateWeight, Tensor inputBias, Tensor stateBias)
    {
        // The inputs' share of all gates at all steps is one product; only the state's share has to wait for the step before.
        var shares = nn.functional.linear(input, inputWeight, inputBias + stateBias).unbind(1);
        var transposed = stateWeight.t();
        var state = Zero(input);
        var cell = state;
        foreach (var share in shares)
        {
            var gates = (share + state.mm(transposed)).chunk(4, 1);
            cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh();
            state = gates[3].sigmoid() * cell.tanh();
            yield return state;
        }
    }
}
