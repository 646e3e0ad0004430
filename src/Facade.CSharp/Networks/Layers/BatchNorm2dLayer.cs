using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a batch normalisation of each channel: (C, H, W) -> (C, H, W). In training by the batch's own mean and variance,
    /// which also move the running ones; in evaluation by the running ones. They are buffers: no mapping generates them.
    /// </summary>
    /// <param name="momentum">How far each batch moves the running statistics, above 0 and at most 1.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "bn1", "bn2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image.</exception>
    public TargetNetworkBuilder BatchNorm2d(
        double momentum = 0.1, double epsilon = 1e-5, string? name = null) =>
        Add(new BatchNorm2dLayer(momentum, epsilon, name));
}

/// <summary>Batch normalisation of each channel: (N, C, H, W) -> the same shape.</summary>
internal sealed class BatchNorm2dLayer(double momentum, double epsilon, string? name) : StatefulLayer(name)
{
    public override string Kind => "BatchNorm2d";

    public override string NamePrefix => "bn";

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(momentum > 0 && momentum <= 1, $"momentum is {momentum}; it must be above 0 and at most 1.");
        Require(epsilon > 0 && double.IsFinite(epsilon), $"epsilon is {epsilon}; it must be a positive finite number.");
        Require(input.Count == 3, "it needs an image of shape (channels, height, width).");
        return input;
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [new("weight", [input[0]], input[0]) { Center = 1 }, new("bias", [input[0]], input[0])];

    public override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) =>
    [
        new("running_mean", [input[0]], ScalarType.Float32, 0),
        new("running_var", [input[0]], ScalarType.Float32, 1),
        new("num_batches_tracked", [], ScalarType.Int64, 0),
    ];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training)
    {
        if (training)
            using (no_grad())
                buffers[2].add_(1);
        return nn.functional.batch_norm(
            input, buffers[0], buffers[1], parameters[0], parameters[1], training, momentum, epsilon);
    }

    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var module = nn.BatchNorm2d(
            input[0], epsilon, momentum, device: parameters[0].device, dtype: parameters[0].dtype);
        module.weight = Copied(parameters[0]);
        module.bias = Copied(parameters[1]);
        using var noGradient = no_grad();
        foreach (var (name, buffer) in module.named_buffers())
            buffer.copy_(buffers[name switch { "running_mean" => 0, "running_var" => 1, _ => 2 }]);
        return module;
    }
}
