using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Batch normalisation of each channel: (N, C, H, W) -> the same shape. In training by the batch's own mean and variance, which
/// also move the running ones; in evaluation by the running ones. They are buffers: no mapping generates them.
/// </summary>
public sealed class BatchNorm2dLayer : StatefulLayer
{
    /// <summary>Describes a batch normalisation.</summary>
    /// <param name="momentum">How far each batch moves the running statistics, above 0 and at most 1.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "bn1", "bn2", ...</param>
    public BatchNorm2dLayer(double momentum = 0.1, double epsilon = 1e-5, string? name = null)
        : base(name) => (Momentum, Epsilon) = (momentum, epsilon);

    /// <summary>How far each batch moves the running statistics.</summary>
    public double Momentum { get; }

    /// <summary>What is added to the variance.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override string Kind => "BatchNorm2d";

    /// <inheritdoc/>
    public override string NamePrefix => "bn";

    /// <inheritdoc/>
    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(Momentum > 0 && Momentum <= 1, $"momentum is {Momentum}; it must be above 0 and at most 1.");
        Require(Epsilon > 0 && double.IsFinite(Epsilon), $"epsilon is {Epsilon}; it must be a positive finite number.");
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return input;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [new("weight", [input[0]], input[0]) { Center = 1 }, new("bias", [input[0]], input[0])];

    /// <inheritdoc/>
    public override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) =>
    [
        new("running_mean", [input[0]], ScalarType.Float32, 0),
        new("running_var", [input[0]], ScalarType.Float32, 1),
        new("num_batches_tracked", [], ScalarType.Int64, 0),
    ];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training)
    {
        if (training)
            using (no_grad())
                buffers[2].add_(1);
        return nn.functional.batch_norm(
            input, buffers[0], buffers[1], parameters[0], parameters[1], training, Momentum, Epsilon);
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var module = nn.BatchNorm2d(
            input[0], Epsilon, Momentum, device: parameters[0].device, dtype: parameters[0].dtype);
        module.weight = Copied(parameters[0]);
        module.bias = Copied(parameters[1]);
        using var noGradient = no_grad();
        foreach (var (name, buffer) in module.named_buffers())
            buffer.copy_(buffers[name switch { "running_mean" => 0, "running_var" => 1, _ => 2 }]);
        return module;
    }
}

/// <summary>Adds batch normalisations to a target network.</summary>
public static class BatchNorm2dLayerExtensions
{
    /// <summary>Appends a batch normalisation of each channel: (C, H, W) -> (C, H, W).</summary>
    /// <param name="builder">The network so far.</param>
    /// <param name="momentum">How far each batch moves the running statistics, above 0 and at most 1.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "bn1", "bn2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image.</exception>
    public static TargetNetworkBuilder BatchNorm2d(
        this TargetNetworkBuilder builder, double momentum = 0.1, double epsilon = 1e-5, string? name = null) =>
        builder.Add(new BatchNorm2dLayer(momentum, epsilon, name));
}
