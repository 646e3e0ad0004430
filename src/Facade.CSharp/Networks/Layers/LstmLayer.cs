using TorchSharp;
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
    public TargetNetworkBuilder Lstm(
        long hidden, int layers = 1, bool wholeSequence = false, string? name = null) =>
        Add(new LstmLayer(hidden, layers, wholeSequence, name));
}

/// <summary>Long short-term memory over a sequence: (N, time, features) -> (N, hidden) or (N, time, hidden).</summary>
internal sealed class LstmLayer(long hidden, int layers, bool wholeSequence, string? name) : Layer(name)
{
    public override string Kind => "LSTM";

    public override string NamePrefix => "lstm";

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(hidden >= 1, $"hidden is {hidden}; it must be at least 1.");
        Require(layers >= 1, $"layers is {layers}; it must be at least 1.");
        Require(input.Count == 2, "it needs a sequence of shape (time, features).");
        return wholeSequence ? [input[0], hidden] : [hidden];
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
    [
        .. Enumerable.Range(0, layers).SelectMany(layer => new ParameterSpecification[]
        {
            new($"weight_ih_l{layer}", [4 * hidden, layer == 0 ? input[1] : hidden], hidden),
            new($"weight_hh_l{layer}", [4 * hidden, hidden], hidden),
            new($"bias_ih_l{layer}", [4 * hidden], hidden),
            new($"bias_hh_l{layer}", [4 * hidden], hidden),
        }),
    ];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var values = input;
        for (var layer = 0; layer < layers; layer++)
            values = OneLayer(values, parameters[4 * layer], parameters[4 * layer + 1], parameters[4 * layer + 2] + parameters[4 * layer + 3]);
        return (wholeSequence ? values : values.select(1, -1)).MoveToOuterDisposeScope();
    }

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [.. Parameters(input).Select(parameter => parameter.Name)], parameters);

    private Tensor OneLayer(Tensor input, Tensor inputWeight, Tensor hiddenWeight, Tensor bias)
    {
        // The inputs' share of all gates at all steps is one product; only the state's share has to wait for the step before.
        var shares = nn.functional.linear(input, inputWeight, bias).unbind(1);
        var transposed = hiddenWeight.t();
        var state = zeros(input.shape[0], hidden, dtype: input.dtype, device: input.device);
        var cell = state;
        var states = new List<Tensor>(shares.Length);
        foreach (var share in shares)
        {
            var gates = (share + state.mm(transposed)).chunk(4, 1);
            cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh();
            state = gates[3].sigmoid() * cell.tanh();
            states.Add(state);
        }

        return stack(states, 1);
    }
}
