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
    private readonly LatentSplit defaultSplit;
    private readonly bool isStreamed;

    private MappingNetwork(TargetNetwork target, MappingSpecification specification, LatentSplit defaultSplit, bool isStreamed = false)
        : base($"'{target.Name}'", target.Layout, specification, changed => new(target, changed, defaultSplit, isStreamed)) =>
        (this.target, this.defaultSplit, this.isStreamed) = (target, defaultSplit, isStreamed);

    /// <summary>The network that the steps were held against.</summary>
    internal TargetNetwork Target => target;

    /// <summary>Whether <see cref="Streamed"/> was called.</summary>
    internal bool IsStreamed => isStreamed;

    /// <summary>
    /// Starts a description: until a step changes it, one latent for each 53 weights (at least 1), signed permutation, seed 0,
    /// no modulation, identity, uniform bias, scale 1 / sqrt(fan-in), start at z = 0.
    /// </summary>
    /// <param name="target">The network whose weights are to be generated.</param>
    public static MappingNetwork For(TargetNetwork target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var start = MappingModule.defaults(target.Layout);
        return new(target, start, start.Split);
    }

    /// <summary>Starts a description of what is added to given weights: the bias 0 and a start at z = 0, where it adds nothing.</summary>
    internal static MappingNetwork OnTopOf(TargetNetwork target, ulong seed) =>
        For(target).WithSeed(seed).WithBias(MappingBias.Zero).StartingWithin(0);

    /// <summary>
    /// Low rank: the mapping generates two factors instead of each chosen matrix or convolution, as <see cref="TargetNetwork.LowRank"/>
    /// describes it, so that it generates fewer weights. Latents that no step has chosen follow their number; steps that depend on the
    /// weights come after this one.
    /// </summary>
    /// <param name="pattern">Names of layers or tensors, such as "fc1" or "conv*".</param>
    /// <param name="rank">The rank, at least 1.</param>
    /// <exception cref="ArgumentException">The pattern chooses no matrix, or one that has a rank already.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank makes no chosen matrix smaller, or leaves fewer weights than there are latents.</exception>
    /// <exception cref="InvalidOperationException">Latents for each layer, scales or a modulation were chosen for the weights as they were.</exception>
    public MappingNetwork LowRank(string pattern, int rank)
    {
        var factored = target.LowRank(pattern, rank);
        var chosen = Specification.Split.IsLayerWise ? "LayerWise"
            : Specification.Scale.IsExplicitScale ? "WithScales"
            : Specification.Modulations.Any(modulation => modulation.IsLinearModulation || modulation.IsCustomModulation) ? "a modulation"
            : null;
        if (chosen is not null)
            throw new InvalidOperationException($"LowRank changes the weights that {chosen} was chosen for; say LowRank before it.");
        var start = For(factored);
        var isDefault = ReferenceEquals(Specification.Split, defaultSplit);
        var split = isDefault ? start.defaultSplit : Specification.Split;
        var moved = new MappingNetwork(factored, Specification, start.defaultSplit, isStreamed).SingleLatent(((LatentSplit.SingleLatent)split).count);
        return isDefault ? new(factored, moved.Specification, moved.Specification.Split, isStreamed) : moved;
    }

    /// <summary>
    /// Streaming: each layer's weights are generated when it computes and forgotten afterwards, forth and back, so that training takes the
    /// memory of the largest layer's weights and gradients instead of all weights'. Gradients and trained results have the bits of
    /// the same mapping without streaming; each layer's weights are generated twice a step. An adapter does not tell the two apart.
    /// </summary>
    /// <returns>The description; <see cref="Build"/> refuses what cannot be streamed.</returns>
    public MappingNetwork Streamed() => new(target, Specification, defaultSplit, isStreamed: true);

    /// <summary>Builds the model; O(P) work. What no step has chosen is as <see cref="For"/> says, the number of latents too.</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The steps do not fit together: a modulation that is not for the latents of the split, or a bias of zero with a start at 0,
    /// from where nothing can be learnt; or the weights are to be streamed (<see cref="Streamed"/>) and cannot be.
    /// </exception>
    public MappedModel Build(Device? device = null) => new(target, Specification, device ?? CPU, isStreamed: isStreamed);
}
