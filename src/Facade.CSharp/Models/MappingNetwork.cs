using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes a mapping for a target network step by step; every step returns a new description, so a half-made one can be
/// reused.
/// </summary>
/// <example>
/// <code>
/// using var model = MappingNetwork.For(Targets.Cnn2()).SingleLatent(2048).WithSeed(7).Build();
/// </code>
/// </example>
public sealed class MappingNetwork
{
    private readonly TargetNetwork target;
    private readonly MappingSpecification specification;

    private MappingNetwork(TargetNetwork target, MappingSpecification specification)
    {
        this.target = target;
        this.specification = specification;
    }

    /// <summary>
    /// Starts a description: until a step says otherwise, one latent for each 53 weights (at least 1), signed permutation, seed 0,
    /// no modulation, identity, uniform bias, scale 1 / sqrt(fan-in), start at z = 0.
    /// </summary>
    /// <param name="target">The network whose weights are to be generated.</param>
    public static MappingNetwork For(TargetNetwork target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var count = (int)Math.Clamp(target.ParameterCount / 53, 1, int.MaxValue);
        return new(target, MappingModule.singleLatent(count));
    }

    /// <summary>SLVT: one latent vector generates the whole target.</summary>
    /// <param name="latents">d, from 1 to the number of weights P.</param>
    /// <exception cref="ArgumentOutOfRangeException">d is out of range.</exception>
    public MappingNetwork SingleLatent(int latents) => With(specification.With(split: MappingChecks.Single(target, latents)));

    /// <summary>
    /// LWT: each layer has latents of its own. The budget is shared in proportion to P_l^power, at least 1 and at most P_l a layer.
    /// </summary>
    /// <param name="latents">The total number of latents, from the number of layers to the number of weights P.</param>
    /// <param name="power">The exponent: 0 shares equally, 1 in proportion to the weights.</param>
    /// <exception cref="ArgumentOutOfRangeException">The budget or the power is out of range.</exception>
    public MappingNetwork LayerWise(int latents, double power = 0.25) =>
        With(specification.With(split: MappingChecks.ByPower(target, latents, power)));

    /// <summary>LWT with explicit sizes: one (layer, latents) pair for each layer of the target, in its order.</summary>
    /// <param name="latents">The layers' names, such as "conv1", and their numbers of latents.</param>
    /// <exception cref="ArgumentException">A layer is missing, unknown or out of order.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1 or above the number of weights of its layer.</exception>
    public MappingNetwork LayerWise(params (string Layer, int Latents)[] latents) =>
        With(specification.With(split: MappingChecks.Explicit(target, latents)));

    /// <summary>The seed of the fixed weights, the bias and the start.</summary>
    /// <param name="seed">Any number.</param>
    public MappingNetwork WithSeed(ulong seed) => With(specification.WithSeed(seed));

    /// <summary>The family of the fixed weights.</summary>
    /// <param name="kind">The family.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such family.</exception>
    public MappingNetwork WithFixedWeights(FixedWeightsKind kind) => With(specification.With(fixedWeights: kind.ToCore()));

    /// <summary>The paper's additive modulation: w_ij(z) = w_ij + alpha z_i.</summary>
    /// <param name="alpha">The strength, finite; small beside 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">alpha is not finite.</exception>
    public MappingNetwork WithAdditiveModulation(double alpha) =>
        With(specification.With(modulations: [Modulation.NewAdditiveModulation(MappingChecks.Finite(alpha, nameof(alpha)))]));

    /// <summary>Any twice continuously differentiable modulation of a single latent, given as the whole matrix M(z).</summary>
    /// <param name="name">How reports call it.</param>
    /// <param name="matrix">
    /// z of shape (d) to M(z) of shape (P, d), through tensor operations; <see cref="Build"/> refuses another shape.
    /// </param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public MappingNetwork WithModulation(string name, Func<Tensor, Tensor> matrix) =>
        With(specification.With(modulations: [MappingChecks.Custom(target, name, matrix)]));

    /// <summary>A general linear modulation M(z)_ji = sum_k B_jik z_k of a single latent.</summary>
    /// <param name="map">B, shape (P, d, d), finite floats. The model reads it as long as it lives; the caller owns it.</param>
    /// <exception cref="ArgumentException">B is no map of this target; <see cref="Build"/> holds it to d.</exception>
    public MappingNetwork WithLinearModulation(Tensor map) =>
        With(specification.With(modulations: [Modulation.NewLinearModulation(MappingChecks.LinearMap(target, map))]));

    /// <summary>No modulation: W is the same for every z.</summary>
    public MappingNetwork WithoutModulation() => With(specification.With(modulations: [Modulation.NoModulation]));

    /// <summary>The function sigma applied to every generated weight.</summary>
    /// <param name="activation">The function.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such function.</exception>
    public MappingNetwork WithActivation(MappingActivation activation) => With(specification.With(activation: activation.ToCore()));

    /// <summary>The fixed bias b. A bias of zero needs a start other than 0.</summary>
    /// <param name="bias">The rule.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rule.</exception>
    public MappingNetwork WithBias(MappingBias bias) => With(specification.With(bias: bias.ToCore()));

    /// <summary>The scale gain / sqrt(fan-in) of every tensor.</summary>
    /// <param name="gain">A positive finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">The gain is not a positive finite number.</exception>
    public MappingNetwork WithGain(double gain) => With(specification.With(scale: ScaleRule.NewFanInScale(MappingChecks.Positive(gain, nameof(gain)))));

    /// <summary>One scale for each weight tensor of the target, in order.</summary>
    /// <param name="scales">Finite numbers.</param>
    /// <exception cref="ArgumentException">Their number is wrong or one is not finite.</exception>
    public MappingNetwork WithScales(params double[] scales) =>
        With(specification.With(scale: ScaleRule.NewExplicitScale(MappingChecks.Scales(target, scales))));

    /// <summary>Multiplies each tensor's scale by a trainable number that starts at 1.</summary>
    public MappingNetwork WithTrainableScales() => With(specification.With(trainableScale: true));

    /// <summary>Starts z uniform in [-amplitude, amplitude); 0 starts at z = 0.</summary>
    /// <param name="amplitude">A finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">The amplitude is not finite.</exception>
    public MappingNetwork StartingWithin(double amplitude) =>
        With(specification.With(start: MappingChecks.Finite(amplitude, nameof(amplitude)) == 0
            ? LatentStart.ZeroStart
            : LatentStart.NewUniformStart(amplitude)));

    /// <summary>Builds the model; O(P) work.</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The steps do not fit together: a modulation that is not for the latents of the split, or a bias of zero with a start at 0,
    /// from where nothing can be learnt.
    /// </exception>
    public MappedModel Build(Device? device = null) => new(target, specification, device ?? CPU);

    /// <summary>
    /// Instead of generating all weights, starts from given ones and lets each latent move a group of them:
    /// theta = theta_pretrained + alpha * o[group(i)]. What other steps said of a mapping is not read, but for the seed.
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
            FineTuningChoices.For(target, pretrained) with { Seed = specification.Seed }, latents, groupSize, strength, grouping);
        return layers is null ? description : description.Layers([.. layers]);
    }

    /// <summary>
    /// Adds what the mapping generates to given weights: theta = theta_pretrained + g(z). The bias is 0 and z starts at 0, so that
    /// training starts at the given weights; what the steps said of either is not read.
    /// </summary>
    /// <param name="pretrained">Where the weights start; copied when the model is built.</param>
    /// <param name="strength">What the scale of every tensor is multiplied by, positive; the default suits Adam's default rate here.</param>
    /// <exception cref="ArgumentException">The mapping has a linear or custom modulation.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The strength is not a positive finite number.</exception>
    public AdditiveMapping OnTopOf(PretrainedWeights pretrained, double strength = 20)
    {
        MappingChecks.Positive(strength, nameof(strength));
        var scale = specification.Scale switch
        {
            ScaleRule.FanInScale rule => ScaleRule.NewFanInScale(rule.gain * strength),
            ScaleRule.ExplicitScale rule => ScaleRule.NewExplicitScale([.. rule.scales.Select(each => each * strength)]),
            var other => throw new NotSupportedException($"There is no such scale as {other}."),
        };
        return new(FineTuningChoices.For(target, pretrained) with { Seed = specification.Seed }, specification.With(scale: scale));
    }

    private MappingNetwork With(MappingSpecification changed) => new(target, changed);
}
