using MappingNets.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network whose weights are generated from a latent: theta = g(z). Training changes z (and a trainable scale per
/// tensor where that was asked for), never a weight.
/// </summary>
public sealed class MappedModel : Model
{
    private readonly Parameter latent;
    private readonly Parameter? scales;

    internal MappedModel(TargetNetwork target, MappingSpecification specification, Device device)
        : base(target)
    {
        Mapping = MappingModule.create(target.Layout, specification);
        Device = device;
        using var scope = NewDisposeScope();
        latent = Trainable.From(Mapping.InitialLatent().to(device));
        if (specification.TrainableScale)
            scales = Trainable.From(ones(target.Parameters.Count, dtype: float32, device: device));
    }

    /// <inheritdoc/>
    public override string Method => Mapping.Specification.Split.IsSingleLatent ? "slvt" : "lwt";

    /// <inheritdoc/>
    public override long TrainableCount => Mapping.TrainableCount;

    /// <inheritdoc/>
    public override string FixedWeightsName => AdapterDescription.NameOf(Mapping.Specification.FixedWeights);

    /// <inheritdoc/>
    public override double DefaultLearningRate => 0.05;

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <summary>The seed of the fixed weights, the bias and the start.</summary>
    public ulong Seed => Mapping.Specification.Seed;

    /// <summary>z, shape (d): the numbers that are trained. Owned by the model; read it, or copy values into it.</summary>
    public Tensor Latent => latent;

    /// <summary>The trainable scale of each weight tensor, shape (number of tensors); null where scales are fixed.</summary>
    public Tensor? TrainableScales => scales;

    /// <summary>How many latents each piece of the target has, by layer name; one entry "theta" for a single latent.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> LatentSplit =>
        [.. Mapping.Pieces.Select(piece => KeyValuePair.Create(piece.Name, piece.FixedWeights.Columns))];

    internal Mapping Mapping { get; }

    internal override IReadOnlyList<Parameter> Trainables => scales is null ? [latent] : [latent, scales];

    internal override IReadOnlyList<Tensor> CurrentWeights() => WeightsAt(latent);

    /// <summary>The weights that the mapping generates at another latent.</summary>
    internal IReadOnlyList<Tensor> WeightsAt(Tensor at) =>
        Mapping.Layout.Split(scales is null ? Mapping.Generate(at) : Mapping.Generate(at, scales));

    private protected override void Dispose(bool disposing)
    {
        latent.Dispose();
        scales?.Dispose();
        ((IDisposable)Mapping).Dispose();
    }
}
