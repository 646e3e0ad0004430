using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Long short-term memory over a sequence, from a state of zero: (N, time, features) -> (N, hidden), the state after the last
/// step, or (N, time, hidden). Weights as PyTorch has them: gates in the order input, forget, cell, output, two bias vectors.
/// </summary>
public sealed class LstmLayer : Layer
{
    /// <summary>Describes an LSTM.</summary>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="layers">How many stand on one another, at least 1.</param>
    /// <param name="wholeSequence">Whether the states of all steps are put out rather than the last.</param>
    /// <param name="name">The layer's name, or null for "lstm1", "lstm2", ...</param>
    public LstmLayer(long hidden, int layers = 1, bool wholeSequence = false, string? name = null)
        : base(name) => (Hidden, Layers, WholeSequence) = (hidden, layers, wholeSequence);

    /// <summary>The size of the state.</summary>
    public long Hidden { get; }

    /// <summary>How many LSTMs stand on one another.</summary>
    public int Layers { get; }

    /// <summary>Whether the states of all steps are put out rather than the last.</summary>
    public bool WholeSequence { get; }

    /// <inheritdoc/>
    public override string Kind => "LSTM";

    /// <inheritdoc/>
    public override string NamePrefix => "lstm";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Hidden >= 1, $"hidden is {Hidden}; it must be at least 1.");
        Require(Layers >= 1, $"layers is {Layers}; it must be at least 1.");
        Require(input.Count == 2, "it needs a sequence of shape (time, features).");
        return WholeSequence ? [input[0], Hidden] : [Hidden];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
    [
        .. Enumerable.Range(0, Layers).SelectMany(layer => new ParameterSpecification[]
        {
            new($"weight_ih_l{layer}", [4 * Hidden, layer == 0 ? input[1] : Hidden], Hidden),
            new($"weight_hh_l{layer}", [4 * Hidden, Hidden], Hidden),
            new($"bias_ih_l{layer}", [4 * Hidden], Hidden),
            new($"bias_hh_l{layer}", [4 * Hidden], Hidden),
        }),
    ];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var values = input;
        for (var layer = 0; layer < Layers; layer++)
            values = OneLayer(values, parameters[4 * layer], parameters[4 * layer + 1], parameters[4 * layer + 2] + parameters[4 * layer + 3]);
        return (WholeSequence ? values : values.select(1, -1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [.. Parameters(input).Select(parameter => parameter.Name)], parameters);

    private Tensor OneLayer(Tensor input, Tensor inputWeight, Tensor hiddenWeight, Tensor bias)
    {
        // The inputs' share of all gates at all steps is one product; only the state's share has to wait for the step before.
        var shares = nn.functional.linear(input, inputWeight, bias).unbind(1);
        var transposed = hiddenWeight.t();
        var hidden = zeros(input.shape[0], Hidden, dtype: input.dtype, device: input.device);
        var cell = hidden;
        var states = new List<Tensor>(shares.Length);
        foreach (var share in shares)
        {
            var gates = (share + hidden.matmul(transposed)).chunk(4, 1);
            cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh();
            hidden = gates[3].sigmoid() * cell.tanh();
            states.Add(hidden);
        }

        return stack(states, 1);
    }
}

/// <summary>Adds LSTMs to a target network.</summary>
public static class LstmLayerExtensions
{
    /// <summary>Appends an LSTM: (time, features) -> (hidden), or (time, hidden) for the whole sequence.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="hidden">The size of the state, at least 1.</param>
    /// <param name="layers">How many stand on one another, at least 1.</param>
    /// <param name="wholeSequence">Whether the states of all steps are put out rather than the last.</param>
    /// <param name="name">The layer's name, or null for "lstm1", "lstm2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no sequence.</exception>
    public static TargetNetworkBuilder Lstm(
        this TargetNetworkBuilder builder, long hidden, int layers = 1, bool wholeSequence = false, string? name = null) =>
        builder.Add(new LstmLayer(hidden, layers, wholeSequence, name));
}
