namespace MappingNets.Core

/// <summary>sigma, applied to every generated weight.</summary>
type Activation =
    /// sigma(x) = x.
    | Identity
    /// sigma(x) = tanh x.
    | Tanh
    /// sigma(x) = sin x.
    | Sine

/// <summary>b, the fixed bias of the mapping.</summary>
type BiasRule =
    /// b = 0: the target starts from W(z_0) z_0 alone.
    | ZeroBias
    /// b_j uniform in [-1, 1) from the counter hash. With the fan-in scale of gain 1 and z_0 = 0 the target starts exactly as
    /// PyTorch starts it: every tensor uniform within 1 / sqrt(fan-in).
    | UniformBias

/// <summary>The scale of each generated tensor.</summary>
type ScaleRule =
    /// gain / sqrt(fan-in) for every tensor.
    | FanInScale of gain: float
    /// One number for each tensor of the layout, in order.
    | ExplicitScale of scales: float[]

/// <summary>z_0, where training starts.</summary>
type LatentStart =
    /// z_0 = 0.
    | ZeroStart
    /// z_0 uniform in [-amplitude, amplitude) from the counter hash.
    | UniformStart of amplitude: float

/// <summary>
/// Everything that defines a mapping beside the layout of its target: a value. Equal specifications and layouts generate
/// equal bits from equal latents.
/// </summary>
type MappingSpecification =
    {
        /// One latent for all (SLVT) or one for each layer (LWT).
        Split: LatentSplit
        /// The family of the fixed weights omega_0.
        FixedWeights: FixedWeightsKind
        /// The seed of fixed weights, bias and start.
        Seed: uint64
        /// M(z): one for all pieces, or one for each piece in order.
        Modulations: Modulation[]
        /// sigma.
        Activation: Activation
        /// b.
        Bias: BiasRule
        /// The scale of each tensor.
        Scale: ScaleRule
        /// Whether each tensor's scale is multiplied by a trainable number that starts at 1.
        TrainableScale: bool
        /// z_0.
        Start: LatentStart
    }
