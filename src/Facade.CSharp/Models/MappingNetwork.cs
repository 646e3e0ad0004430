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

    /// <summary>The network that the steps were held against.</summary>
    internal TargetNetwork Target => target;

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

    /// <summary>Starts a description of what is added to given weights: the bias 0 and a start at z = 0, where it adds nothing.</summary>
    internal static MappingNetwork OnTopOf(TargetNetwork target, ulong seed) =>
        For(target).WithSeed(seed).WithBias(MappingBias.Zero).StartingWithin(0);

    /// <summary>Builds the model; O(P) work.</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The steps do not fit together: a modulation that is not for the latents of the split, or a bias of zero with a start at 0,
    /// from where nothing can be learnt.
    /// </exception>
    public MappedModel Build(Device? device = null) => new(target, Specification, device ?? CPU);
}
