using MappingNets.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The baseline: every weight of the target is trained itself, through the same trainer.</summary>
public sealed class DirectModel : Model
{
    private readonly Parameter[] weights;

    private DirectModel(TargetNetwork target, ulong seed, Device device)
        : base(target)
    {
        Seed = seed;
        Device = device;
        using var scope = NewDisposeScope();
        // The start that a mapping with a uniform bias and a latent of zero generates: both ways of training begin at the same
        // kind of weights.
        using var start = MappingModule.create(
            target.Layout, MappingModule.singleLatent(1).WithSeed(seed));
        weights = [.. target.AroundCenters(target.Layout.Split(start.Generate(start.InitialLatent())))
            .Select(weight => Trainable.From(weight.to(device, copy: true)))];
    }

    /// <inheritdoc/>
    public override string Method => "direct";

    /// <inheritdoc/>
    public override long TrainableCount => Target.ParameterCount;

    /// <inheritdoc/>
    public override string FixedWeightsName => "none";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 2e-3;

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <summary>The seed of the start.</summary>
    public ulong Seed { get; }

    internal override IReadOnlyList<Parameter> Trainables => weights;

    /// <summary>A directly trained model whose weights start uniform within 1 / sqrt(fan-in), as PyTorch's do.</summary>
    /// <param name="target">The network to train.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    public static DirectModel For(TargetNetwork target, ulong seed = 0, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new(target, seed, device ?? CPU);
    }

    internal override IReadOnlyList<string> TrainableNames => [.. Target.Parameters.Select(parameter => parameter.Name)];

    internal override IReadOnlyList<Tensor> CurrentWeights() => weights;

    private protected override void Dispose(bool disposing)
    {
        foreach (var weight in weights)
            weight.Dispose();
    }
}
