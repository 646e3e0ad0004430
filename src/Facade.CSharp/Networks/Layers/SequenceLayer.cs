using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a named part.</summary>
    /// <param name="name">The part's name.</param>
    /// <param name="describe">Appends the part's layers to a builder that starts here.</param>
    /// <param name="numbered">
    /// Whether layers without a name are called by their place, "0", "1", ..., as in PyTorch's Sequential, instead of "conv1", ...
    /// </param>
    /// <exception cref="ArgumentException">A layer of the part is bad, or the name is taken.</exception>
    public TargetNetworkBuilder Sequence(
        string name,
        Func<TargetNetworkBuilder, TargetNetworkBuilder> describe,
        bool numbered = true)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(describe);
        return Add(new SequenceLayer(describe(new(Shape, numbered)).Layers, name));
    }
}

/// <summary>A named part of a network: its layers' weights are called "part.layer.weight".</summary>
internal sealed class SequenceLayer : CompositeLayer
{
    private readonly LayerSequence layers;

    internal SequenceLayer(LayerSequence layers, string? name)
        : base(name, layers) => this.layers = layers;

    public override string Kind => "Sequential";

    public override string NamePrefix => "part";

    public override bool TakesWholeNumbers => layers.TakesWholeNumbers;

    private protected override IReadOnlyList<TargetLayer> JoinRules(IReadOnlyList<IReadOnlyList<TargetLayer>> parts) => parts[0];

    private protected override IReadOnlyList<long> JoinShapes(IReadOnlyList<IReadOnlyList<long>> outputs) => outputs[0];

    private protected override Tensor Join(IReadOnlyList<Func<Tensor, Tensor>> functions, Tensor input) => functions[0](input);

    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) =>
        layers.ToModule(parameters, buffers);
}
