using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Some tensors of a network, for a mapping that generates changes of these alone. It is described, never run.</summary>
internal sealed class TargetPart : TargetNetwork
{
    private readonly TargetNetwork whole;

    /// <summary>Takes the tensors out, in the network's order.</summary>
    /// <exception cref="ArgumentException">The network has no tensor of a name.</exception>
    public TargetPart(TargetNetwork whole, IReadOnlyList<string> names)
        : base(whole.Name, whole.Inputs, whole.OutputShape, Find(whole, names))
    {
        this.whole = whole;
        var chosen = names.ToHashSet(StringComparer.Ordinal);
        Places = [.. whole.Parameters.Index().Where(pair => chosen.Contains(pair.Item.Name)).Select(pair => pair.Index)];
    }

    /// <summary>Where the tensors stand among those of the whole network.</summary>
    public IReadOnlyList<int> Places { get; }

    /// <inheritdoc/>
    public override string Describe() => whole.Describe();

    /// <inheritdoc/>
    protected override Tensor Compute(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training) =>
        throw new NotSupportedException($"Some tensors of '{whole.Name}' cannot be run without the others.");

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state) =>
        throw new NotSupportedException($"Some tensors of '{whole.Name}' make no module without the others.");

    private static ParameterSpecification[] Find(TargetNetwork whole, IReadOnlyList<string> names)
    {
        var found = whole.Parameters.Where(parameter => names.Contains(parameter.Name)).ToArray();
        if (names.FirstOrDefault(name => found.All(parameter => parameter.Name != name)) is { } missing)
            throw new ArgumentException($"'{whole.Name}' has no tensor '{missing}'.", nameof(names));
        return found;
    }
}
