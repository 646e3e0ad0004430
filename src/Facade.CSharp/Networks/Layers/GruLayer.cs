using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a gated recurrent unit that starts from a state of zero: (time, features) -> (hidden), the state after the last step,
    /// or (time, hidden). Weights as PyTorch has them: gates in the order reset, update, new, two bias vectors.
    /// </summary>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="layers">How many stand on one another, at least 1.</param>
    /// <param name="wholeSequence">Whether the states of all steps are put out rather than the last.</param>
    /// <param name="name">The layer's name, or null for "gru1", "gru2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no sequence.</exception>
    public TargetNetworkBuilder Gru(long hidden, int layers = 1, bool wholeSequence = false, string? name = null) =>
        Add(new GruLayer(hidden, layers, wholeSequence, name));
}

/// <summary>Gated recurrent unit: gates reset, update and new.</summary>
internal sealed class GruLayer(long hidden, int layers, bool wholeSequence, string? name)
    : RecurrentLayer(3, hidden, layers, wholeSequence, name)
{
    public override string Kind => "GRU";

    public override string NamePrefix => "gru";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewGruLayer(at.Name, Layers, WholeSequence);

    protected override IEnumerable<Tensor> States(
        Tensor input, Tensor inputWeight, Tensor stateWeight, Tensor inputBias, Tensor stateBias)
    {
        var shares = nn.functional.linear(input, inputWeight, inputBias).unbind(1);
        var state = Zero(input);
        foreach (var share in shares)
        {
            // The new gate's share of the state is scaled by the reset gate, so the two shares stay apart.
            var (given, kept) = (share.chunk(3, 1), nn.functional.linear(state, stateWeight, stateBias).chunk(3, 1));
            var reset = (given[0] + kept[0]).sigmoid();
            var update = (given[1] + kept[1]).sigmoid();
            var fresh = (given[2] + reset * kept[2]).tanh();
            state = fresh + update * (state - fresh);
            yield return state;
        }
    }
}
