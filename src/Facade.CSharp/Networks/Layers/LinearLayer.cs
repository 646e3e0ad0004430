using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A fully connected layer on the last dimension: (N, ..., features_in) -> (N, ..., features_out).</summary>
public sealed class LinearLayer : Layer
{
    /// <summary>Describes a fully connected layer.</summary>
    /// <param name="features">How many outputs, at least 1.</param>
    /// <param name="bias">Whether each output has a bias.</param>
    /// <param name="name">The layer's name, or null for "fc1", "fc2", ...</param>
    public LinearLayer(long features, bool bias = true, string? name = null)
        : base(name) => (Features, Bias) = (features, bias);

    /// <summary>How many outputs.</summary>
    public long Features { get; }

    /// <summary>Whether each output has a bias.</summary>
    public bool Bias { get; }

    /// <inheritdoc/>
    public override string Kind => "Linear";

    /// <inheritdoc/>
    public override string NamePrefix => "fc";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Features >= 1, $"features is {Features}; it must be at least 1.");
        Require(input.Count != 3, "it needs feature vectors, not an image; put Flatten() before it.");
        return [.. input.SkipLast(1), Features];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        WeightAndBias([Features, input[^1]], input[^1], Bias);

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.linear(input, parameters[0], Bias ? parameters[1] : null);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Linear(Copied(parameters[0]), Bias ? Copied(parameters[1]) : null);
}

/// <summary>Adds fully connected layers to a target network.</summary>
public static class LinearLayerExtensions
{
    /// <summary>Appends a fully connected layer: (..., features_in) -> (..., features).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="features">How many outputs, at least 1.</param>
    /// <param name="bias">Whether each output has a bias.</param>
    /// <param name="name">The layer's name, or null for "fc1", "fc2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is an image that was not flattened.</exception>
    public static TargetNetworkBuilder Linear(this TargetNetworkBuilder builder, long features, bool bias = true, string? name = null) =>
        builder.Add(new LinearLayer(features, bias, name));
}
