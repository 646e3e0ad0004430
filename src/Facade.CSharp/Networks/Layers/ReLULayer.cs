using static TorchSharp.torch;

namespace MappingNets;

/// <summary>max(x, 0), element by element: any shape -> the same shape.</summary>
public sealed class ReLULayer : Layer
{
    /// <summary>Describes the activation.</summary>
    /// <param name="name">The layer's name, or null for "relu1", "relu2", ...</param>
    public ReLULayer(string? name = null)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "ReLU";

    /// <inheritdoc/>
    public override string NamePrefix => "relu";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => nn.functional.relu(input);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => nn.ReLU();
}

/// <summary>Adds ReLU activations to a target network.</summary>
public static class ReLULayerExtensions
{
    /// <summary>Appends max(x, 0), element by element.</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="name">The layer's name, or null for "relu1", "relu2", ...</param>
    public static TargetNetworkBuilder ReLU(this TargetNetworkBuilder builder, string? name = null) => builder.Add(new ReLULayer(name));
}
