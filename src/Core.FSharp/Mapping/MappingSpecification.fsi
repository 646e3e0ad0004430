namespace MappingNets

/// <summary>The function sigma that is applied to every generated weight.</summary>
type MappingActivation =
    /// sigma(x) = x.
    | Identity = 0
    /// sigma(x) = tanh x.
    | Tanh = 1
    /// sigma(x) = sin x.
    | Sine = 2

/// <summary>The fixed bias b of the mapping.</summary>
type MappingBias =
    /// b_j uniform in [-1, 1) from the counter hash. With the fan-in scale of gain 1 and z_0 = 0 the target starts exactly as
    /// PyTorch starts it: every tensor uniform within 1 / sqrt(fan-in).
    | Uniform = 0
    /// b = 0: the target starts from the latent alone, W(z_0) z_0, so z_0 must not be 0.
    | Zero = 1

namespace MappingNets.Core

open MappingNets

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
        Activation: MappingActivation
        /// b.
        Bias: MappingBias
        /// The scale of each tensor.
        Scale: ScaleRule
        /// Whether each tensor's scale is multiplied by a trainable number that starts at 1.
        TrainableScale: bool
        /// z_0.
        Start: LatentStart
        /// The version of the fixed weights, FixedWeights.currentVersion but for what older files hold. It matters below eight latents alone.
        FixedWeightsVersion: int
    }

/// <summary>Specifications as text.</summary>
module MappingSpecification =

    /// <summary>One line that names every choice, such as
    /// "SLVT, d = 2048, SignedPermutation weights of seed 7, modulation none, activation Identity, bias Uniform, gain 1, start at 0".</summary>
    /// <param name="specification">The specification.</param>
    val describe: specification: MappingSpecification -> string
