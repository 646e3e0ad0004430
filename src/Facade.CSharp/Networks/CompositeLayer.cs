using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A layer made of sequences of layers. The parts' layers keep their names under this layer's own, or directly in the network
/// where this layer's name is empty.
/// </summary>
internal abstract class CompositeLayer : StatefulLayer
{
    private readonly LayerSequence[] parts;

    private protected CompositeLayer(string? name, params LayerSequence[] parts)
        : base(name) => this.parts = parts;

    /// <summary>The sequences that it is made of.</summary>
    internal IReadOnlyList<LayerSequence> Parts => parts;

    /// <summary>The shape for which the parts were described.</summary>
    private protected IReadOnlyList<long> InputShape => parts[0].Input;

    /// <summary>The output's shape of one sample, from the parts' outputs. Faults throw ArgumentException with the bare reason.</summary>
    /// <param name="outputs">The shapes that the parts put out.</param>
    private protected abstract IReadOnlyList<long> JoinShapes(IReadOnlyList<IReadOnlyList<long>> outputs);

    /// <summary>The output, from the parts as functions and the input.</summary>
    private protected abstract Tensor Join(IReadOnlyList<Func<Tensor, Tensor>> functions, Tensor input);

    /// <summary>Whether a function without a name of its own follows the joined parts.</summary>
    private protected virtual bool EndsInFunction => false;

    /// <summary>The layer as the theory knows it, from its parts.</summary>
    private protected abstract IReadOnlyList<TargetLayer> JoinRules(IReadOnlyList<IReadOnlyList<TargetLayer>> parts);

    /// <summary>The layer as the theory knows it; null where a layer of a part has no rule.</summary>
    /// <param name="at">Where it stands; buffers in double precision, on the CPU.</param>
    /// <param name="missing">The layer without a rule.</param>
    public IReadOnlyList<TargetLayer>? Rules(LayerPlace at, out string missing)
    {
        missing = "";
        var rules = new List<IReadOnlyList<TargetLayer>>();
        var first = 0;
        foreach (var part in parts)
        {
            if (part.Rules(at.Name, [.. at.Buffers.Skip(first).Take(part.Buffers.Count)], out missing) is not { } inner)
                return null;
            rules.Add(inner);
            first += part.Buffers.Count;
        }

        return JoinRules(rules);
    }

    public sealed override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.SequenceEqual(InputShape), $"its parts were described for the input {ShapeText.Of(InputShape)}.");
        // A skip's parts lend it their layers, and a layer that is nothing but one weight has none to lend.
        Require(
            this is SequenceLayer || !parts.Any(part => part.Steps.Any(step => step.IsOneParameter)),
            "a class token or position embedding belongs into a named part, not directly into a skip.");
        Require(
            this is SequenceLayer || !parts.Any(part => part.TakesWholeNumbers),
            "an embedding takes whole numbers, beside which a skip has nothing to pass on; put it before the skip.");
        return JoinShapes([.. parts.Select(part => part.Output)]);
    }

    public sealed override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [.. parts.SelectMany(part => part.Parameters)];

    public sealed override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) =>
        [.. parts.SelectMany(part => part.Buffers)];

    public sealed override Tensor Forward(
        Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training) =>
        Forward(input, new HeldWeights(parameters), 0, buffers, training);

    /// <summary>The same, where each layer takes its weights when its turn comes.</summary>
    /// <param name="input">A batch.</param>
    /// <param name="source">The weights of the network.</param>
    /// <param name="first">The place of this layer's first weight among the network's.</param>
    /// <param name="buffers">This layer's buffers.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    /// <param name="probe">Is shown what the parts put out, and what reaches their layers; null shows nothing.</param>
    public Tensor Forward(
        Tensor input, LayerWeights source, int first, IReadOnlyList<Tensor> buffers, bool training, LayerProbe? probe = null)
    {
        using var scope = NewDisposeScope();
        var functions = new List<Func<Tensor, Tensor>>();
        var (weight, buffer) = (first, 0);
        foreach (var part in parts)
        {
            var (own, state) = (weight, buffers.Skip(buffer).Take(part.Buffers.Count).ToArray());
            functions.Add(value =>
            {
                var output = part.Forward(value, source, own, state, training, probe);
                if (this is not SequenceLayer)
                    probe?.Leaving(output);
                return output;
            });
            weight += part.Parameters.Count;
            buffer += part.Buffers.Count;
        }

        var joined = Join(functions, input);
        if (EndsInFunction)
            probe?.Leaving(joined);
        return joined.LeaveScopeBeside(input);
    }

    /// <summary>The weights of each part's layers: the place of the first and how many.</summary>
    /// <param name="first">The place of this layer's first weight among the network's.</param>
    public IEnumerable<(int First, int Count)> WeightsByLayer(int first)
    {
        foreach (var part in parts)
        {
            foreach (var layer in part.WeightsByLayer(first))
                yield return layer;
            first += part.Parameters.Count;
        }
    }

    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) =>
        new PlainJoin([.. Divided(parameters, buffers).Select(part => part.Part.ToModule(part.Weights, part.State))], Join);

    private IEnumerable<(LayerSequence Part, Tensor[] Weights, Tensor[] State)> Divided(
        IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var (weight, buffer) = (0, 0);
        foreach (var part in parts)
        {
            yield return (
                part,
                [.. parameters.Skip(weight).Take(part.Parameters.Count)],
                [.. buffers.Skip(buffer).Take(part.Buffers.Count)]);
            weight += part.Parameters.Count;
            buffer += part.Buffers.Count;
        }
    }
}
