using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Each vector along the last dimension brought to mean 0 and variance 1, then scaled: any shape -> the same shape.</summary>
public sealed class LayerNormLayer : Layer
{
    /// <summary>Describes a layer normalisation.</summary>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "ln1", "ln2", ...</param>
    public LayerNormLayer(double epsilon = 1e-5, string? name = null)
        : base(name) => Epsilon = epsilon;

    /// <summary>What is added to the variance.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override string Kind => "LayerNorm";

    /// <inheritdoc/>
    public override string NamePrefix => "ln";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Epsilon > 0 && double.IsFinite(Epsilon), $"epsilon is {Epsilon}; it must be a positive finite number.");
        return input;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [new("weight", [input[^1]], input[^1]) { Center = 1 }, new("bias", [input[^1]], input[^1])];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.layer_norm(input, [input.shape[^1]], parameters[0], parameters[1], Epsilon);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        var module = nn.LayerNorm(input[^1], Epsilon, device: parameters[0].device, dtype: parameters[0].dtype);
        module.weight = Copied(parameters[0]);
        module.bias = Copied(parameters[1]);
        return module;
    }
}

/// <summary>Adds layer normalisations to a target network.</summary>
public static class LayerNormLayerExtensions
{
    /// <summary>Appends a normalisation along the last dimension: (..., features) -> the same shape.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "ln1", "ln2", ...</param>
    /// <exception cref="ArgumentException">The setting is bad.</exception>
    public static TargetNetworkBuilder LayerNorm(this TargetNetworkBuilder builder, double epsilon = 1e-5, string? name = null) =>
        builder.Add(new LayerNormLayer(epsilon, name));
}
