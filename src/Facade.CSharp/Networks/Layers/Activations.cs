using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>Appends max(x, 0), element by element.</summary>
    /// <param name="name">The layer's name, or null for "relu1", "relu2", ...</param>
    public TargetNetworkBuilder ReLU(string? name = null) =>
        Add(new ActivationLayer("ReLU", TargetLayer.ReLULayer, input => nn.functional.relu(input), () => nn.ReLU(), name));

    /// <summary>Appends x / (1 + exp(-x)), element by element.</summary>
    /// <param name="name">The layer's name, or null for "silu1", "silu2", ...</param>
    public TargetNetworkBuilder SiLU(string? name = null) =>
        Add(new ActivationLayer("SiLU", TargetLayer.SiLULayer, input => nn.functional.silu(input), () => nn.SiLU(), name));

    /// <summary>Appends tanh(x), element by element.</summary>
    /// <param name="name">The layer's name, or null for "tanh1", "tanh2", ...</param>
    public TargetNetworkBuilder Tanh(string? name = null) =>
        Add(new ActivationLayer("Tanh", TargetLayer.TanhLayer, input => input.tanh(), () => nn.Tanh(), name));

    /// <summary>Appends GELU, element by element: x times the normal distribution function of x.</summary>
    /// <param name="name">The layer's name, or null for "gelu1", "gelu2", ...</param>
    public TargetNetworkBuilder Gelu(string? name = null) =>
        Add(new ActivationLayer("GELU", TargetLayer.GELULayer, input => nn.functional.gelu(input), () => nn.GELU(), name));
}

/// <summary>A function without weights, element by element: any shape -> the same shape.</summary>
internal sealed class ActivationLayer(
    string kind, TargetLayer rule, Func<Tensor, Tensor> function, Func<nn.Module<Tensor, Tensor>> module, string? name) : Layer(name)
{
    public override string Kind => kind;

    public override string NamePrefix { get; } = kind.ToLowerInvariant();

    internal override TargetLayer Rule(LayerPlace at) => rule;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => function(input);

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => module();
}
