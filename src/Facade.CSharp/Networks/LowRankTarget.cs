using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A network of which some matrices are products: W (m, n) = U V with U (m, r) and V (r, n), trained or generated in its place, so that
/// it takes r (m + n) parameters. Convolutions count as matrices of outputs by everything else. A tensor "fc1.weight" becomes
/// "fc1.weight_left" and "fc1.weight_right", which stand where it stood, so the layer stays one.
/// <para>
/// With numbers uniform within 1 / sqrt(fan-in) in U and V, U V has the variance of a network's start where U's fan-in counts as r / 3:
/// r products of a variance of 1 / r each then sum to that of V, 1 / (3 n).
/// </para>
/// </summary>
internal sealed class LowRankTarget : TargetNetwork
{
    private const string Left = "_left";
    private const string Right = "_right";

    private readonly TargetNetwork plain;
    private readonly IReadOnlyDictionary<string, int> ranks;

    private LowRankTarget(TargetNetwork plain, IReadOnlyDictionary<string, int> ranks)
        : base(plain.Name, plain.Inputs, plain.OutputShape, [.. plain.Parameters.SelectMany(parameter => Factors(parameter, ranks))], plain.Buffers) =>
        (this.plain, this.ranks) = (plain, ranks);

    /// <inheritdoc/>
    internal override TargetNetwork Plain => plain;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, int> Ranks => ranks;

    /// <inheritdoc/>
    private protected override string WithoutChain => $"'{Name}' has matrices that are products of two factors";

    /// <inheritdoc/>
    internal override string? WithoutWeightsByLayer => WithoutChain;

    /// <inheritdoc/>
    internal override IReadOnlyList<(string Name, Tensor Value)> Frozen() => plain.Frozen();

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, string> OtherNames =>
        // What stands in place of a product has no further names.
        plain.OtherNames.Where(pair => !ranks.ContainsKey(pair.Value)).ToDictionary(StringComparer.Ordinal);

    /// <inheritdoc/>
    internal override bool IsScaleOrShift(ParameterSpecification parameter) =>
        plain.Parameters.Any(own => own.Name == parameter.Name) && plain.IsScaleOrShift(parameter);

    /// <summary>The network with a rank for the matrices that a pattern chooses.</summary>
    /// <param name="target">The network, whose matrices may have ranks already.</param>
    /// <param name="pattern">Names of layers or tensors.</param>
    /// <param name="rank">r, at least 1.</param>
    /// <exception cref="ArgumentException">The pattern chooses no matrix, or one that has a rank already.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank is below 1, or makes no chosen matrix smaller.</exception>
    public static TargetNetwork Of(TargetNetwork target, string pattern, int rank)
    {
        var plain = target.Plain;
        var names = LayerPatterns.Select(plain, [pattern], nameof(pattern));
        var chosen = plain.Parameters.Where(parameter => names.Contains(parameter.Name) && parameter.Shape.Count > 1 && parameter.Center == 0).ToArray();
        if (chosen.Length == 0)
            throw new ArgumentException($"The pattern '{pattern}' chooses no matrix or convolution of '{plain.Name}'.", nameof(pattern));
        if (chosen.FirstOrDefault(parameter => target.Ranks.ContainsKey(parameter.Name)) is { } taken)
            throw new ArgumentException($"'{taken.Name}' has the rank {target.Ranks[taken.Name]} already.", nameof(pattern));
        if (rank < 1)
            throw new ArgumentOutOfRangeException(nameof(rank), rank, "The rank must be at least 1.");
        var smaller = chosen.Where(parameter => Count(parameter, rank) < parameter.Count).ToArray();
        if (smaller.Length == 0)
            throw new ArgumentOutOfRangeException(
                nameof(rank), rank,
                $"Two factors of this rank have no fewer parameters than [{string.Join(", ", chosen.Select(parameter => parameter.ToString()))}].");
        return Of(plain, target.Ranks.Concat(smaller.Select(parameter => KeyValuePair.Create(parameter.Name, rank))));
    }

    /// <summary>The network with given ranks of its tensors.</summary>
    /// <exception cref="ArgumentException">There is no such matrix, or a rank is below 1 or makes it no smaller.</exception>
    public static TargetNetwork Of(TargetNetwork plain, IEnumerable<KeyValuePair<string, int>> ranks)
    {
        var byName = ranks.ToDictionary(StringComparer.Ordinal);
        foreach (var (name, rank) in byName)
            if (rank < 1 || plain.Parameters.FirstOrDefault(parameter => parameter.Name == name && parameter.Shape.Count > 1) is not { } matrix
                || Count(matrix, rank) >= matrix.Count)
                throw new ArgumentException($"The rank {rank} of '{name}' does not fit '{plain.Name}'.", nameof(ranks));
        return new LowRankTarget(plain, byName);
    }

    /// <summary>
    /// What is wrong with weights that have the factors of a matrix where a network needs the product, or the other way round, as a
    /// sentence without a subject; null where they have neither.
    /// </summary>
    /// <param name="network">The network's name.</param>
    /// <param name="parameters">What it needs.</param>
    /// <param name="shapeOf">The shape of the weights' tensor of a name; null where there is none.</param>
    public static string? OtherForm(
        string network, IEnumerable<ParameterSpecification> parameters, Func<string, IReadOnlyList<long>?> shapeOf)
    {
        foreach (var name in parameters.Select(parameter => parameter.Name).Where(name => shapeOf(name) is null))
        {
            if (shapeOf(name + Left) is [_, var rank] && shapeOf(name + Right) is not null)
                return $"has '{name}' as two factors of rank {rank}, as Export(factors: true) writes them; the network that takes them is "
                    + $"'{network}' with LowRank(\"{name}\", {rank}). Export without factors writes the product.";
            if (name.EndsWith(Left, StringComparison.Ordinal) && name[..^Left.Length] is var product && shapeOf(product) is not null)
                return $"has '{product}' as a whole, of which '{network}' needs two factors; the network without LowRank takes it.";
        }

        return null;
    }

    /// <inheritdoc/>
    public override string Describe() =>
        plain.Describe() + string.Concat(ranks.Select(pair => FormattableString.Invariant($"{pair.Key} has rank {pair.Value}\n")));

    /// <inheritdoc/>
    internal override string DescribeFunction() => plain.DescribeFunction();

    /// <inheritdoc/>
    internal override bool Takes(InputSpecification input, ScalarType type, ScalarType weights) => plain.Takes(input, type, weights);

    /// <inheritdoc/>
    internal override IReadOnlyList<Tensor> PlainWeights(IReadOnlyList<Tensor> weights)
    {
        var products = new List<Tensor>();
        using var next = weights.GetEnumerator();
        foreach (var parameter in plain.Parameters)
        {
            next.MoveNext();
            if (!ranks.ContainsKey(parameter.Name))
            {
                products.Add(next.Current);
                continue;
            }

            var left = next.Current;
            next.MoveNext();
            products.Add(left.mm(next.Current).view([.. parameter.Shape]));
        }

        return products;
    }

    /// <inheritdoc/>
    protected override Tensor Compute(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training) =>
        plain.Forward(inputs, PlainWeights(parameters), state, training);

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return plain.ToModule(PlainWeights(weights), state);
    }

    /// <inheritdoc/>
    protected override Tensor CreateBuffer(int index)
    {
        using var state = plain.CreateState();
        return state.Tensors[index].clone();
    }

    /// <inheritdoc/>
    private protected override void Write(nn.Module module, IReadOnlyList<Tensor> weights, NetworkState state) =>
        plain.WriteInto(module, PlainWeights(weights), state);

    private static long Count(ParameterSpecification parameter, int rank) =>
        (long)rank * (parameter.Shape[0] + (parameter.Count / parameter.Shape[0]));

    private static IEnumerable<ParameterSpecification> Factors(ParameterSpecification parameter, IReadOnlyDictionary<string, int> ranks) =>
        ranks.TryGetValue(parameter.Name, out var rank)
            ?
            [
                new(parameter.Name + Left, [parameter.Shape[0], rank], Math.Max(1L, rank / 3)),
                new(parameter.Name + Right, [rank, parameter.Count / parameter.Shape[0]], parameter.FanIn),
            ]
            : [parameter];
}
