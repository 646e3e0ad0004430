using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends a normalisation along the last dimension: (..., features) -> the same shape.</summary>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "ln1", "ln2", ...</param>
    /// <exception cref="ArgumentException">The setting is bad.</exception>
    public TargetNetworkBuilder LayerNorm(double epsilon = 1e-5, string? name = null) =>
        Add(new LayerNormLayer(epsilon, name));
}

/// <summary>Each vector along the last dimension brought to mean 0 and variance 1, then scaled: any shape -> the same shape.</summary>
internal sealed class LayerNormLayer(double epsilon, string? name) : Layer(name)
{
    /// <summary>What is added to the variance.</summary>
    internal double Epsilon => epsilon;

    public override string Kind => "LayerNorm";

    public override string Settings => FormattableString.Invariant($"epsilon {epsilon}");

    public override string NamePrefix => "ln";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewLayerNormLayer(at.Name, epsilon, null);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(epsilon > 0 && double.IsFinite(epsilon), FormattableString.Invariant($"epsilon is {epsilon}; it must be a positive finite number."));
        return input;
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [new("weight", [input[^1]], input[^1]) { Center = 1 }, new("bias", [input[^1]], input[^1])];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) =>
        nn.functional.layer_norm(input, [input.shape[^1]], parameters[0], parameters[1], epsilon);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        var module = nn.LayerNorm(input[^1], epsilon, device: parameters[0].device, dtype: parameters[0].dtype);
        module.weight = Copied(parameters[0]);
        module.bias = Copied(parameters[1]);
        return module;
    }
}
