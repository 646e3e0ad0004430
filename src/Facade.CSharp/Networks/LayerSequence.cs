using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Layers that follow one another, from a known input shape: a network, or a part that a layer is made of.</summary>
internal sealed class LayerSequence
{
    private readonly Step[] steps;

    private LayerSequence(IReadOnlyList<long> input, Step[] steps)
    {
        Input = input;
        this.steps = steps;
        Parameters = [.. steps.SelectMany(step => step.Parameters)];
        Buffers = [.. steps.SelectMany(step => step.Buffers)];
    }

    /// <summary>One layer in its place: its name in this sequence, the shapes around it, its weights and buffers by full name.</summary>
    internal sealed record Step(
        Layer Layer,
        string Name,
        IReadOnlyList<long> Input,
        IReadOnlyList<long> Output,
        IReadOnlyList<ParameterSpecification> Parameters,
        IReadOnlyList<BufferSpecification> Buffers)
    {
        /// <summary>What its weights and buffers are called.</summary>
        public IEnumerable<string> Tensors => [.. Parameters.Select(parameter => parameter.Name), .. Buffers.Select(buffer => buffer.Name)];

        /// <summary>A layer that lends its parts no level of their own in names.</summary>
        public bool IsTransparent => Name.Length == 0;

        /// <summary>A layer whose only weight bears the layer's name itself.</summary>
        public bool IsOneParameter => Parameters is [var only] && only.Name == Name;
    }

    public IReadOnlyList<long> Input { get; }

    /// <summary>Whether the first layer takes whole numbers.</summary>
    public bool TakesWholeNumbers => steps.Length > 0 && steps[0].Layer.TakesWholeNumbers;

    public IReadOnlyList<Step> Steps => steps;

    public IReadOnlyList<long> Output => steps.Length == 0 ? Input : steps[^1].Output;

    public IReadOnlyList<ParameterSpecification> Parameters { get; }

    public IReadOnlyList<BufferSpecification> Buffers { get; }

    public static LayerSequence Empty(IReadOnlyList<long> input) => new(input, []);

    /// <summary>The sequence with one more layer. Faults of the layer throw ArgumentException with the bare reason.</summary>
    public LayerSequence With(Layer layer, string name)
    {
        if (layer.TakesWholeNumbers && steps.Length > 0)
            throw new ArgumentException("it takes whole numbers, which no layer puts out; it must be the first.");
        var output = layer.InferOutput(Output);
        var parameters = layer.Parameters(Output).Select(parameter => parameter with { Name = LayerPlace.Joined(name, parameter.Name) });
        var buffers = layer.Buffers(Output).Select(buffer => buffer with { Name = LayerPlace.Joined(name, buffer.Name) });
        var step = new Step(layer, name, Output, output, [.. parameters], [.. buffers]);
        // A module's state has one name for each weight and buffer.
        var taken = steps.SelectMany(earlier => earlier.Tensors).ToHashSet();
        if (step.Parameters.FirstOrDefault(parameter => !taken.Add(parameter.Name)) is { } weight)
            throw new ArgumentException($"the weight '{weight.Name}' is there already; give the layer a name of its own.");
        if (step.Buffers.FirstOrDefault(buffer => !taken.Add(buffer.Name)) is { } twice)
            throw new ArgumentException($"the buffer '{twice.Name}' is there already; give the layer a name of its own.");
        return new(Input, [.. steps, step]);
    }

    /// <summary>The sequence's function.</summary>
    /// <param name="input">A batch.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>.</param>
    /// <param name="buffers">One tensor per entry of <see cref="Buffers"/>.</param>
    /// <param name="training">Whether layers that differ in training do so.</param>
    /// <param name="probe">Is shown what reaches each layer, in order; null shows nothing.</param>
    public Tensor Forward(
        Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training, LayerProbe? probe = null) =>
        Forward(input, new HeldWeights(parameters), 0, buffers, training, probe);

    /// <summary>The same, where each layer takes its weights when its turn comes.</summary>
    /// <param name="input">A batch.</param>
    /// <param name="source">The weights of the network.</param>
    /// <param name="first">The place of this sequence's first weight among the network's.</param>
    /// <param name="buffers">This sequence's buffers.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    /// <param name="probe">Is shown what reaches each layer, in order; null shows nothing.</param>
    public Tensor Forward(
        Tensor input, LayerWeights source, int first, IReadOnlyList<Tensor> buffers, bool training, LayerProbe? probe = null)
    {
        // The caller's own tensor must not be moved between dispose scopes.
        if (steps.Length == 0)
            return input;
        using var scope = NewDisposeScope();
        var held = buffers as Tensor[] ?? [.. buffers];
        var (value, weight, buffer) = (input, first, 0);
        foreach (var step in steps)
        {
            if (step.Layer is not SequenceLayer)
                probe?.Reaching(step.Layer, value);
            var state = new ArraySegment<Tensor>(held, buffer, step.Buffers.Count);
            value = step.Layer is CompositeLayer composite
                ? composite.Forward(value, source, weight, state, training, probe)
                : Leaf(step, value, source, weight, state, training);
            weight += step.Parameters.Count;
            buffer += step.Buffers.Count;
        }

        return value.LeaveScopeBeside(input);
    }

    /// <summary>The layers with their kinds, settings and output shapes, those of parts in braces: which function of the weights it is.</summary>
    public string DescribeFunction() => string.Join(", ", steps.Select(step =>
        $"{step.Name} {step.Layer.Kind}{(step.Layer.Settings is { Length: > 0 } settings ? $" ({settings})" : "")} {ShapeText.Of(step.Output)}"
        + (step.Layer is CompositeLayer composite ? string.Concat(composite.Parts.Select(part => $" {{{part.DescribeFunction()}}}")) : "")));

    /// <summary>The weights of each layer that has some, parts of layers by themselves: the place of the first and how many.</summary>
    /// <param name="first">The place of this sequence's first weight among the network's.</param>
    public IEnumerable<(int First, int Count)> WeightsByLayer(int first)
    {
        foreach (var step in steps)
        {
            if (step.Layer is CompositeLayer composite)
                foreach (var layer in composite.WeightsByLayer(first))
                    yield return layer;
            else if (step.Parameters.Count > 0)
                yield return (first, step.Parameters.Count);
            first += step.Parameters.Count;
        }
    }

    /// <summary>The layers as the theory knows them; null where one has no rule.</summary>
    /// <param name="level">What the layers' full names start with; empty for a network.</param>
    /// <param name="buffers">This sequence's buffers as they are now, in double precision and on the CPU.</param>
    /// <param name="missing">The layer without a rule.</param>
    public IReadOnlyList<TargetLayer>? Rules(string level, IReadOnlyList<Tensor> buffers, out string missing)
    {
        var rules = new List<TargetLayer>();
        var first = 0;
        foreach (var step in steps)
        {
            var at = new LayerPlace(LayerPlace.Joined(level, step.Name), step.Input, [.. buffers.Skip(first).Take(step.Buffers.Count)]);
            first += step.Buffers.Count;
            if (step.Layer is CompositeLayer composite)
            {
                if (composite.Rules(at, out missing) is not { } inner)
                    return null;
                rules.AddRange(inner);
            }
            else if (step.Layer.Rule(at) is { } rule)
                rules.Add(rule);
            else
            {
                missing = $"the layer '{at.Name}' ({step.Layer.Kind}) has no Lipschitz rule, and its author states no constants";
                return null;
            }
        }

        missing = "";
        return rules;
    }

    private static Tensor Leaf(Step step, Tensor value, LayerWeights source, int first, IReadOnlyList<Tensor> state, bool training)
    {
        var count = step.Parameters.Count;
        var weights = count == 0 ? [] : source.Take(first, count);
        var output = step.Layer is StatefulLayer stateful
            ? stateful.Forward(value, weights, state, training)
            : step.Layer.Forward(value, weights);
        return count == 0 ? output : source.Leave(output, first, count);
    }

    /// <summary>TorchSharp's own Sequential where it can bear the names, else a module of the same kind.</summary>
    public nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var parts = WithTensors(parameters, buffers).Select(part => (part.Step, Module: ModuleOf(part.Step, part.Weights, part.State)));
        if (!steps.Any(step => step.IsTransparent || step.IsOneParameter))
            return nn.Sequential(parts.Select(part => (part.Step.Name, part.Module)));
        var sequence = new PlainSequence();
        foreach (var (step, module) in parts)
            if (step.IsTransparent || step.IsOneParameter)
                sequence.AddTransparent(module);
            else
                sequence.AddNamed(step.Name, module);
        return sequence;
    }

    private static nn.Module<Tensor, Tensor> ModuleOf(Step step, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state) =>
        step.IsOneParameter ? new PlainLayer(step.Layer, [step.Name], weights)
        : step.Layer is StatefulLayer stateful ? stateful.ToModule(step.Input, weights, state)
        : step.Layer.ToModule(step.Input, weights);

    private IEnumerable<(Step Step, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> State)> WithTensors(
        IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var weights = parameters as Tensor[] ?? [.. parameters];
        var state = buffers as Tensor[] ?? [.. buffers];
        var (weight, buffer) = (0, 0);
        foreach (var step in steps)
        {
            yield return (
                step,
                new ArraySegment<Tensor>(weights, weight, step.Parameters.Count),
                new ArraySegment<Tensor>(state, buffer, step.Buffers.Count));
            weight += step.Parameters.Count;
            buffer += step.Buffers.Count;
        }
    }
}
