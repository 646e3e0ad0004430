using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Recurrent layers on one another over a sequence, from a state of zero: (N, time, features) -> (N, hidden), the state after the
/// last step, or (N, time, hidden). Weights by PyTorch's names, the gates of each one below the other.
/// </summary>
internal abstract class RecurrentLayer(int gates, long hidden, int layers, bool wholeSequence, string? name) : Layer(name)
{
    /// <summary>The size of the state.</summary>
    internal long Hidden => hidden;

    /// <summary>How many stand on one another.</summary>
    internal int Layers => layers;

    /// <summary>Whether the states of all steps are put out rather than the last.</summary>
    internal bool WholeSequence => wholeSequence;

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
            new($"weight_ih_l{layer}", [gates * hidden, layer == 0 ? input[1] : hidden], hidden),
            new($"weight_hh_l{layer}", [gates * hidden, hidden], hidden),
            new($"bias_ih_l{layer}", [gates * hidden], hidden),
            new($"bias_hh_l{layer}", [gates * hidden], hidden),
        }),
    ];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var values = input;
        for (var layer = 0; layer < layers; layer++)
            values = stack(
                States(values, parameters[4 * layer], parameters[4 * layer + 1], parameters[4 * layer + 2], parameters[4 * layer + 3]), 1);
        return (wholeSequence ? values : values.select(1, -1)).MoveToOuterDisposeScope();
    }

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [.. Parameters(input).Select(parameter => parameter.Name)], parameters);

    /// <summary>The states (N, hidden) after each step of one layer.</summary>
    protected abstract IEnumerable<Tensor> States(Tensor input, Tensor inputWeight, Tensor stateWeight, Tensor inputBias, Tensor stateBias);

    /// <summary>A state of zero for a batch.</summary>
    protected Tensor Zero(Tensor input) => zeros(input.shape[0], hidden, dtype: input.dtype, device: input.device);
}
