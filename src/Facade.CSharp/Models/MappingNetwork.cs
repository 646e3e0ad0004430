using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes a mapping for a target network step by step; every step returns a new description, so a half-made one can be
/// reused. The steps themselves stand in the core, the same for C# and F#.
/// </summary>
/// <example>
/// <code>
/// using var model = MappingNetwork.For(Targets.Cnn2()).SingleLatent(2048).WithSeed(7).Build();
/// </code>
/// </example>
public sealed class MappingNetwork : MappingSteps<MappingNetwork>
{
    private readonly TargetNetwork target;

    private MappingNetwork(TargetNetwork target, MappingSpecification specification)
        : base($"'{target.Name}'", target.Layout, specification, changed => new(target, changed)) => this.target = target;

    /// <summary>
    /// Starts a description: until a step changes it, one latent for each 53 weights (at least 1), signed permutation, seed 0,
    /// no modulation, identity, uniform bias, scale 1 / sqrt(fan-in), start at z = 0.
    /// </summary>
    /// <param name="target">The network whose weights are to be generated.</param>
    public static MappingNetwork For(TargetNetwork target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new(target, MappingModule.defaults(target.Layout));
    }

    /// <summary>Builds the model; O(P) work.</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The steps do not fit together: a modulation that is not for the latents of the split, or a bias of zero with a start at 0,
    /// from where nothing can be learnt.
    /// </exception>
    public MappedModel Build(Device? device = null) => new(target, Specification, device ?? CPU);

    /// <summary>
    /// Instead of generating all weights, starts from given ones and lets each latent move a group of them:
    /// theta = theta_pretrained + alpha * o[group(i)]. Of the other steps only the seed is read.
    /// </summary>
    /// <param name="pretrained">Where the weights start; copied when the model is built.</param>
    /// <param name="latents">K, the number of groups.</param>
    /// <param name="groupSize">L, how many weights each latent moves.</param>
    /// <param name="strength">
    /// alpha: how far a latent of 1 moves a weight, positive; where null, 20 / L^0.9, which suits Adam's default rate here.
    /// </param>
    /// <param name="grouping">Which weights form a group.</param>
    /// <param name="layers">Patterns of the layers to change, such as "fc*"; all where null. <see cref="FineTuning.Layers"/> says more.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range; <see cref="FineTuning.Build"/> holds them to the chosen layers.</exception>
    public FineTuning FineTune(
        PretrainedWeights pretrained,
        int latents,
        long groupSize = 1,
        double? strength = null,
        WeightGrouping grouping = WeightGrouping.Contiguous,
        IReadOnlyList<string>? layers = null)
    {
        var description = new FineTuning(
            FineTuningChoices.For(target, pretrained) with { Seed = Specification.Seed }, latents, groupSize, strength, grouping);
        return layers is null ? description : description.Layers([.. layers]);
    }

    /// <summary>
    /// Adds what the mapping generates to given weights: theta = theta_pretrained + g(z). The bias is 0 and z starts at 0, so that
    /// training starts at the given weights; steps that set either are not read.
    /// </summary>
    /// <param name="pretrained">Where the weights start; copied when the model is built.</param>
    /// <param name="strength">What the scale of every tensor is multiplied by, positive; the default suits Adam's default rate here.</param>
    /// <exception cref="ArgumentException">The mapping has a linear or custom modulation.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The strength is not a positive finite number.</exception>
    public AdditiveMapping OnTopOf(PretrainedWeights pretrained, double strength = 20)
    {
        MappingChecks.Positive(strength, nameof(strength));
        return new(FineTuningChoices.For(target, pretrained) with { Seed = Specification.Seed }, MappingModule.scaledBy(strength, Specification));
    }
}
