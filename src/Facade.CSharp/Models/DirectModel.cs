using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The baseline: every weight of the target is trained itself, or every weight of some layers, through the same trainer.
/// </summary>
public sealed class DirectModel : Model
{
    private readonly Tensor[] weights;
    private readonly (string Name, Parameter Weight)[] trained;

    private DirectModel(TargetNetwork target, IReadOnlyList<Tensor> start, IReadOnlyList<string> chosen, ulong seed, Device device)
        : base(target)
    {
        Seed = seed;
        Device = device;
        weights = [.. target.Parameters.Zip(start, (parameter, weight) => chosen.Contains(parameter.Name)
            ? Trainable.From(weight.to(device, copy: true))
            : weight.to(device, copy: true).DetachFromDisposeScope())];
        trained = [.. target.Parameters.Zip(weights)
            .Where(pair => pair.Second is Parameter).Select(pair => (pair.First.Name, (Parameter)pair.Second))];
    }

    /// <inheritdoc/>
    public override string Method => trained.Length == weights.Length ? "direct" : "direct-partial";

    /// <inheritdoc/>
    public override long TrainableCount => trained.Sum(pair => pair.Weight.numel());

    /// <inheritdoc/>
    public override string FixedWeightsName => "none";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 2e-3;

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <summary>The seed of the start.</summary>
    public ulong Seed { get; }

    internal override IReadOnlyList<Parameter> Trainables => [.. trained.Select(pair => pair.Weight)];

    /// <summary>A directly trained model whose weights start uniform within 1 / sqrt(fan-in), as PyTorch's do.</summary>
    /// <param name="target">The network to train.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    public static DirectModel For(TargetNetwork target, ulong seed = 0, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        return new(target, StartingWeights.Of(target, seed), LayerPatterns.Select(target, [LayerPatterns.All], nameof(target)), seed, device ?? CPU);
    }

    internal override IReadOnlyList<string> TrainableNames => [.. trained.Select(pair => pair.Name)];

    internal override IReadOnlyList<Tensor> CurrentWeights() => weights;

    private protected override void Dispose(bool disposing)
    {
        foreach (var weight in weights)
            weight.Dispose();
    }
}
