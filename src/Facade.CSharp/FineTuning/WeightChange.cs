using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The weights of a fine-tuned network as a pure function of the base and of what an adapter holds: the base's weights, changed by
/// each part, and the tensors that have values of their own.
/// </summary>
internal sealed class WeightChange : IDisposable
{
    /// <summary>
    /// Adam's rate where the options name none. A head that is trained directly shares it, so the ways differ in how far a parameter
    /// moves a weight instead.
    /// </summary>
    private const double SharedLearningRate = 0.01;

    private readonly TargetNetwork target;
    private readonly Increment[] parts;
    private readonly int[] places;
    private readonly bool isEverything;

    /// <summary>Builds what a configuration describes. What is wrong with it throws FormatException or ArgumentException.</summary>
    public WeightChange(TargetNetwork target, FineTuningConfiguration configuration)
    {
        this.target = target;
        var indices = target.Parameters.Index().ToDictionary(pair => pair.Item.Name, pair => pair.Index, StringComparer.Ordinal);
        places = [.. configuration.Head.Select(name => indices[name])];
        isEverything = places.Length == target.Parameters.Count;
        var built = new List<Increment>();
        try
        {
            foreach (var part in configuration.Parts)
                built.Add(part.ToIncrement(target, configuration));
        }
        catch
        {
            built.ForEach(part => part.Dispose());
            throw;
        }

        parts = [.. built];
        Values = ValuesOf(target, configuration);
    }

    /// <summary>How tables call it: the parts' methods, or that all weights or some are trained directly.</summary>
    public string Method =>
        parts.Length > 0 ? string.Join("+", parts.Select(part => part.Method).Distinct())
        : isEverything ? "direct"
        : "direct-partial";

    /// <summary>How reports describe the fixed weights.</summary>
    public string FixedWeightsName =>
        parts.Select(part => part.FixedWeightsName).Where(name => name != "none").Distinct().ToArray() is { Length: > 0 } names
            ? string.Join("+", names)
            : "none";

    /// <summary>Adam's rate where the options name none; whole weights alone take that of direct training.</summary>
    public double LearningRate => parts.Length > 0 ? SharedLearningRate : 2e-3;

    /// <summary>What an adapter holds: the parts' values in order, then the tensors with values of their own.</summary>
    public IReadOnlyList<(string Name, long[] Shape)> Values { get; }

    /// <summary>Where training starts: the base's weights, in the caller's dispose scope.</summary>
    public IReadOnlyList<Tensor> Start(BaseValues pretrained) => [.. parts.SelectMany(part => part.Start()), .. places.Select(pretrained.Of)];

    /// <summary>The same change tensor by tensor, for weights that are streamed; null where a part needs all weights at once.</summary>
    /// <param name="missing">What stands in the way; null where nothing does.</param>
    public IReadOnlyList<StreamedPart>? Streamed(out string? missing)
    {
        var streamed = new List<StreamedPart>();
        var first = 0;
        foreach (var part in parts)
        {
            missing = part is MappingIncrement mapping
                ? StreamedPart.MissingOf(mapping.Mapping)
                : $"the fine-tuning changes weights by '{part.Method}', and only Scales, Mapping and WholeWeights change them layer by layer";
            if (missing is not null)
                return null;
            var increment = (MappingIncrement)part;
            streamed.Add(new(increment.Mapping, increment.Places ?? [.. Enumerable.Range(0, target.Parameters.Count)], first));
            first += part.Values.Count;
        }

        missing = null;
        return streamed;
    }

    /// <summary>The tensors that have values of their own: their places among the network's and among the values.</summary>
    public IReadOnlyDictionary<int, int> Direct =>
        places.Index().ToDictionary(pair => pair.Item, pair => Values.Count - places.Length + pair.Index);

    /// <summary>One tensor per entry of the target, from theta_pretrained (P) and the values; differentiable in these.</summary>
    public IReadOnlyList<Tensor> Weights(Tensor pretrained, IReadOnlyList<Tensor> values)
    {
        var theta = pretrained;
        foreach (var (part, own) in Owned(values))
            theta = part.OnTheta(theta, own);
        var weights = target.Layout.Split(theta);
        foreach (var (part, own) in Owned(values))
            part.OnTensors(weights, own);
        foreach (var (place, value) in places.Zip(values.Skip(values.Count - places.Length)))
            weights[place] = value;
        return weights;
    }

    /// <summary>How far each tensor of the target can move with the values; null where no bound is known.</summary>
    /// <param name="weights">The weights now.</param>
    /// <param name="values">The values.</param>
    /// <param name="missing">What stands in the way.</param>
    public IReadOnlyList<TensorShift>? Shifts(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        var shifts = weights.Select(_ => TensorShiftModule.still).ToArray();
        foreach (var (part, own) in Owned(values))
        {
            if (part.Shifts(own, out missing) is not { } changes)
                return null;
            // In single precision the norm may round to less than it is.
            foreach (var (place, change) in changes)
                shifts[place] = TensorShiftModule.sum(weights[place].to_type(ScalarType.Float64).norm().ToDouble(), shifts[place], change);
        }

        foreach (var place in places)
            shifts[place] = TensorShiftModule.itself;
        return shifts;
    }

    /// <summary>The parts of the values that can move alone, by name, each with the places of the tensors that it may move.</summary>
    public IEnumerable<(string Name, IReadOnlyList<int> Moved)> Movers()
    {
        var value = 0;
        foreach (var part in parts)
            for (var own = 0; own < part.Values.Count; own++, value++)
                foreach (var (ending, moved) in part.Movers(own))
                    yield return (Values[value].Name + ending, moved);
        foreach (var place in places)
            yield return (target.Parameters[place].Name, [place]);
    }

    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
    }

    private IEnumerable<(Increment Part, IReadOnlyList<Tensor> Values)> Owned(IReadOnlyList<Tensor> values)
    {
        var first = 0;
        foreach (var part in parts)
        {
            var count = part.Values.Count;
            yield return (part, [.. values.Skip(first).Take(count)]);
            first += count;
        }
    }

    /// <summary>What an adapter of a configuration that fits the network holds, without building what it describes.</summary>
    public static IReadOnlyList<(string Name, long[] Shape)> ValuesOf(TargetNetwork target, FineTuningConfiguration configuration)
    {
        // Two parts with a latent each number theirs; a single one has the plain name.
        var parts = configuration.Parts.Select(part => part.Values(target).ToArray()).ToArray();
        var shared = parts.SelectMany(values => values.Select(value => value.Name)).GroupBy(name => name, StringComparer.Ordinal)
            .Where(names => names.Count() > 1).Select(names => names.Key).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. parts.SelectMany((values, index) => values.Select(value =>
                (shared.Contains(value.Name) ? FormattableString.Invariant($"{value.Name}{index + 1}") : value.Name, value.Shape))),
            .. configuration.Head.Select(name => (name, target.Layout.Find(name).Shape)),
        ];
    }
}
