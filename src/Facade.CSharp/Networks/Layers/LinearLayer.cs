using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a fully connected layer: (..., features_in) -> (..., features).</summary>
    /// <param name="features">How many outputs, at least 1.</param>
    /// <param name="bias">Whether each output has a bias.</param>
    /// <param name="name">The layer's name, or null for "fc1", "fc2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is an image that was not flattened.</exception>
    public TargetNetworkBuilder Linear(long features, bool bias = true, string? name = null) =>
        Add(new LinearLayer(features, bias, name));
}

/// <summary>A fully connected layer on the last dimension: (N, ..., features_in) -> (N, ..., features_out).</summary>
internal sealed class LinearLayer(long features, bool bias, string? name) : Layer(name)
{
    public override string Kind => "Linear";

    public override string NamePrefix => "fc";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewLinearLayer(at.Name);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(features >= 1, $"features is {features}; it must be at least 1.");
        Require(input.Count != 3, "it needs feature vectors, not an image; put Flatten() before it.");
        return [.. input.SkipLast(1), features];
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        WeightAndBias([features, input[^1]], input[^1], bias);

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.linear(input, parameters[0], bias ? parameters[1] : null);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Linear(Copied(parameters[0]), bias ? Copied(parameters[1]) : null);
}
