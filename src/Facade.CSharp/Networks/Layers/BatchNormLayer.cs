using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a batch normalisation of each channel: (C, H, W) -> (C, H, W). In training by the batch's own mean and variance,
    /// which also move the running ones; in evaluation by the running ones. They are buffers: no mapping generates them. A batch
    /// that has one value for each channel moves nothing.
    /// </summary>
    /// <param name="momentum">How far each batch moves the running statistics, above 0 and at most 1.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "bn1", "bn2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input is no image.</exception>
    public TargetNetworkBuilder BatchNorm2d(double momentum = 0.1, double epsilon = 1e-5, string? name = null) =>
        Add(new BatchNormLayer(2, momentum, epsilon, name));

    /// <summary>
    /// Appends a batch normalisation of each feature, (features), or of each channel of a signal, (channels, length): the same
    /// shape. Statistics as in <see cref="BatchNorm2d"/>.
    /// </summary>
    /// <param name="momentum">How far each batch moves the running statistics, above 0 and at most 1.</param>
    /// <param name="epsilon">What is added to the variance, above 0.</param>
    /// <param name="name">The layer's name, or null for "bn1", "bn2", ...</param>
    /// <exception cref="ArgumentException">A setting is bad or the input has more than two dimensions.</exception>
    public TargetNetworkBuilder BatchNorm1d(double momentum = 0.1, double epsilon = 1e-5, string? name = null) =>
        Add(new BatchNormLayer(1, momentum, epsilon, name));
}

/// <summary>Batch normalisation along the first dimension of a sample, by the running statistics in its buffers or the batch's own.</summary>
internal sealed class BatchNormLayer(int dimensions, double momentum, double epsilon, string? name) : StatefulLayer(name)
{
    /// <summary>What is added to the variance.</summary>
    internal double Epsilon => epsilon;

    /// <summary>The share of a batch's statistics in the running ones.</summary>
    internal double Momentum => momentum;

    public override string Kind => $"BatchNorm{dimensions}d";

    public override string Settings => FormattableString.Invariant($"momentum {momentum}, epsilon {epsilon}");

    public override string NamePrefix => "bn";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewBatchNormLayer(at.Name, new BatchStatistics(
        at.Buffers[0].data<double>().ToArray(), at.Buffers[1].data<double>().ToArray(), epsilon));

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(momentum > 0 && momentum <= 1, FormattableString.Invariant($"momentum is {momentum}; it must be above 0 and at most 1."));
        Require(epsilon > 0 && double.IsFinite(epsilon), FormattableString.Invariant($"epsilon is {epsilon}; it must be a positive finite number."));
        Require(dimensions != 2 || input.Count == 3, "it needs an image of shape (channels, height, width).");
        Require(dimensions != 1 || input.Count is 1 or 2, "it needs features (features) or a signal of shape (channels, length).");
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
        // The variance of one value is not a number; it must not become the running one.
        if (training && input.numel() == input.shape[1])
            return nn.functional.batch_norm(input, null!, null!, parameters[0], parameters[1], true, momentum, epsilon);
        if (training)
        {
            using var noGradient = no_grad();
            using var one = 1.ToScalar();
            buffers[2].add_(one);
        }

        return nn.functional.batch_norm(
            input, buffers[0], buffers[1], parameters[0], parameters[1], training, momentum, epsilon);
    }

    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        var (device, type) = (parameters[0].device, parameters[0].dtype);
        nn.Module<Tensor, Tensor> module = dimensions == 1
            ? With(nn.BatchNorm1d(input[0], epsilon, momentum, device: device, dtype: type))
            : With(nn.BatchNorm2d(input[0], epsilon, momentum, device: device, dtype: type));
        using var noGradient = no_grad();
        foreach (var (name, buffer) in module.named_buffers())
            buffer.copy_(buffers[name switch { "running_mean" => 0, "running_var" => 1, _ => 2 }]);
        return module;

        TorchSharp.Modules.BatchNorm With(TorchSharp.Modules.BatchNorm norm)
        {
            norm.weight = Copied(parameters[0]);
            norm.bias = Copied(parameters[1]);
            return norm;
        }
    }
}
