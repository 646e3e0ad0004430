namespace MappingNets

/// What decides a coefficient.
type internal LossCoefficientRule =
    | Off = 0
    | Fixed = 1
    | Plain = 2
    | Bounded = 3
    | Balanced = 4

/// <summary>
/// How much an auxiliary term of the mapping loss counts: lambda_k of task + sum_k lambda_k L_k, and how it is found. The default value
/// is <see cref="P:MappingNets.LossCoefficient.Off"/>.
/// </summary>
[<Struct; NoComparison>]
type LossCoefficient =
    val internal Rule: LossCoefficientRule
    val private number: float
    val private part: float
    internal new: rule: LossCoefficientRule * value: float * share: float -> LossCoefficient

    /// <summary>The coefficient, or where a trained one starts; 0 where the term is off.</summary>
    member Value: float

    /// <summary>What a balanced coefficient holds coefficient times term at; 0 for every other rule.</summary>
    member Share: float

    /// <summary>Whether the term is not computed.</summary>
    member IsOff: bool

    /// <summary>Whether training moves it.</summary>
    member IsTrainable: bool

    /// <summary>The term is not computed.</summary>
    static member Off: LossCoefficient

    /// <summary>lambda stays at a value.</summary>
    /// <param name="value">A positive finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The value is not a positive finite number.</exception>
    static member Fixed: value: float -> LossCoefficient

    /// <summary>
    /// The paper's plain trained coefficient: lambda = start exp(u), u trained from 0 on the loss itself, which contributes lambda L. It
    /// collapses: the gradient by u is lambda L &gt; 0, so that lambda falls towards 0 as fast as the optimiser lets it, whatever the
    /// term is worth. (The exponential keeps it positive; a lambda trained as it is would pass through 0 and then reward large terms.)
    /// </summary>
    /// <param name="start">A positive finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The start is not a positive finite number.</exception>
    static member Plain: start: float -> LossCoefficient

    /// <summary>
    /// Homoscedastic-uncertainty weighting (Kendall, Gal and Cipolla, CVPR 2018, equation 7, s the log variance), scaled by the start and
    /// bounded: the term contributes start (exp(-s) L + s), s = ln(10) tanh(u), u trained from 0. lambda = start exp(-s) settles
    /// near start / L within [start / 10, 10 start]; a term far from 1 in size leaves it at one of the ends.
    /// </summary>
    /// <param name="start">A positive finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The start is not a positive finite number.</exception>
    static member Bounded: start: float -> LossCoefficient

    /// <summary>
    /// A coefficient trained to hold lambda L at a share, whatever the size of L, so that terms of very different size count alike. As in
    /// GradNorm (Chen et al., ICML 2018, equation 2) the coefficient has a loss of its own, in which the term is a constant: the
    /// term contributes lambda L, lambda held still, and share (sqrt(1 + x^2) - 1), x = ln(lambda L / share), L held still. Neither is ever negative, and the
    /// gradient by ln lambda is at most the share. lambda = start exp(s), s = B tanh(u ln(10) / B), u trained from 0, B = ln(10^6): u
    /// counts decades, and lambda stays within six of its start.
    /// </summary>
    /// <param name="start">Where lambda starts: a positive finite number.</param>
    /// <param name="share">What lambda L is held at: a positive finite number, in the unit of the task's loss.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">One is not a positive finite number.</exception>
    static member Balanced: start: float * share: float -> LossCoefficient

    /// <summary>The rule and its numbers, such as "balanced from 0.05 at 0.01".</summary>
    override ToString: unit -> string

/// <summary>Which terms the loss of a mapped model has beside the task's own: a value, all off unless turned on.</summary>
[<Sealed>]
type LossOptions =
    interface System.IEquatable<LossOptions>

    /// <summary>The task's loss alone.</summary>
    static member TaskOnly: LossOptions

    /// <summary>
    /// The paper's four terms; the three auxiliary ones start at the coefficients of the independent re-run and are balanced, each
    /// at 0.01.
    /// </summary>
    static member Complete: LossOptions

    /// <summary>
    /// Of E ||f(x; g(z + eps)) - f(x; g(z))||^2: small changes of the latent change the outputs little. Costs a second forward and backward
    /// pass.
    /// </summary>
    member Stability: LossCoefficient

    /// <summary>Of ||grad_z g(z)||_F^2: the mapping is smooth in the latent.</summary>
    member Smoothness: LossCoefficient

    /// <summary>Of 1 - cos(z, m): the latent points along the mean of the modulated weights.</summary>
    member Alignment: LossCoefficient

    /// <summary>s, the standard deviation of eps in the stability term; 0.01 unless changed.</summary>
    member NoiseDeviation: float

    /// <summary>
    /// The share of a batch that the stability term is computed on, above 0 and at most 1; 1, the whole batch, unless changed.
    /// </summary>
    member StabilityShare: float

    /// <summary>Whether all three terms are off.</summary>
    member IsTaskOnly: bool

    /// <summary>The same with another coefficient of the stability term.</summary>
    /// <param name="coefficient">The coefficient.</param>
    member WithStability: coefficient: LossCoefficient -> LossOptions

    /// <summary>The same with another coefficient of the smoothness term.</summary>
    /// <param name="coefficient">The coefficient.</param>
    member WithSmoothness: coefficient: LossCoefficient -> LossOptions

    /// <summary>The same with another coefficient of the alignment term.</summary>
    /// <param name="coefficient">The coefficient.</param>
    member WithAlignment: coefficient: LossCoefficient -> LossOptions

    /// <summary>The same with another standard deviation of the stability term's noise.</summary>
    /// <param name="deviation">s, a positive finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The deviation is not a positive finite number.</exception>
    member WithNoise: deviation: float -> LossOptions

    /// <summary>
    /// The same with the stability term on a share of each batch: n = ceil(share N) neighbours of its N samples, from a place that the step draws,
    /// so that every sample counts equally often and the expected value stays what it is. The second pass then costs that share of a pass.
    /// </summary>
    /// <param name="share">Above 0 and at most 1.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The share is out of range.</exception>
    member WithStabilityShare: share: float -> LossOptions

    /// <summary>The terms and their coefficients in one line.</summary>
    override ToString: unit -> string
