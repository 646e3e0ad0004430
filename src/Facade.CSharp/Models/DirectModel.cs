using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The baseline: every weight of the target is trained itself, through the same trainer.</summary>
public sealed class DirectModel : Model
{
    private DirectModel(TargetNetwork target, IReadOnlyList<Tensor> start, ulong seed, Device device)
        : base(target)
    {
        Seed = seed;
        Register(
            [
                .. target.Parameters.Zip(start, (parameter, weight) =>
                    (parameter.Name, Trainable.From(weight.detach().to(device, copy: true)))),
            ],
            device);
    }

    /// <inheritdoc/>
    public override string Method => "direct";

    /// <inheritdoc/>
    public override string FixedWeightsName => "none";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 2e-3;

    /// <summary>The seed of the start.</summary>
    public ulong Seed { get; }

    /// <summary>A directly trained model whose weights start uniform within 1 / sqrt(fan-in), as PyTorch's do.</summary>
    /// <param name="target">The network to train.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    public static DirectModel For(TargetNetwork target, ulong seed = 0, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        return new(target, StartingWeights.Of(target, seed), seed, device ?? CPU);
    }

    internal override IReadOnlyList<Tensor> CurrentWeights() => Masked(Trainables);

    /// <inheritdoc/>
    internal override IReadOnlyList<Tensor> WeightsFrom(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        return values;
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<TensorShift> Shifts(out string missing)
    {
        missing = "";
        return [.. Trainables.Select(_ => TensorShiftModule.itself)];
    }

    /// <inheritdoc/>
    internal override IEnumerable<(string Name, IReadOnlyList<int> Moved)> Movers() =>
        TrainableNames.Select((name, place) => (name, (IReadOnlyList<int>)[place]));

    private protected override IReadOnlyCollection<string> DirectlyTrainedWeights => TrainableNames;

    private protected override void DisposeConstants()
    {
    }
}
