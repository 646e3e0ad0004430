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

    /// <summary>
    /// A model that starts from given weights: full fine-tuning, or fine-tuning of some layers while the others stay. The learning
    /// rate suits fine-tuning as it suits training from scratch, where the options name none. Buffers, such as running means, move in
    /// every layer.
    /// </summary>
    /// <param name="target">The network to train.</param>
    /// <param name="pretrained">Where its weights start.</param>
    /// <param name="layers">
    /// Names of the layers or tensors to train, with * for any characters: "fc*", "layer4" (a whole block); every one where null.
    /// </param>
    /// <param name="newHead">
    /// The layers to start anew, and to train, in the same way; where null, the last one where its shape differs.
    /// </param>
    /// <param name="seed">The seed of a new head.</param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing, or the pretrained weights do not fit the target.</exception>
    public static DirectModel From(
        TargetNetwork target,
        PretrainedWeights pretrained,
        IReadOnlyList<string>? layers = null,
        IReadOnlyList<string>? newHead = null,
        ulong seed = 0,
        Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        var chosen = LayerPatterns.Select(target, layers ?? [LayerPatterns.All], nameof(layers));
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var basis = FineTuningBase.Of(target, pretrained, newHead, seed, device ?? CPU);
        var model = new DirectModel(target, target.Layout.Split(basis.Flat), [.. chosen.Union(basis.Head)], seed, device ?? CPU);
        model.TakeState(basis.State);
        return model;
    }

    internal override IReadOnlyList<string> TrainableNames => [.. trained.Select(pair => pair.Name)];

    internal override IReadOnlyList<Tensor> CurrentWeights() => weights;

    private protected override void Dispose(bool disposing)
    {
        foreach (var weight in weights)
            weight.Dispose();
    }
}
