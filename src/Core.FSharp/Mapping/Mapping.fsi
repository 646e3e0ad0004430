namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>
/// The mapping network g: R^d -> R^P, theta = sigma(W(z) z + b) * scale with W(z) = omega_0 + M(z). Pure: the same latent gives
/// the same bits. It holds only constants, never z.
/// </summary>
[<Sealed>]
type Mapping =

    /// The target's parameter layout.
    member Layout: ParameterLayout

    member internal Specification: MappingSpecification

    /// The seed of the fixed weights, the bias and the start.
    member Seed: uint64

    /// The family of the fixed weights.
    member FixedWeightsKind: FixedWeightsKind

    /// sigma.
    member Activation: MappingActivation

    /// The rule of b.
    member Bias: MappingBias

    /// Whether each tensor's scale is multiplied by a trainable number.
    member HasTrainableScales: bool

    /// Whether each layer has latents of its own (LWT), or one latent generates everything (SLVT).
    member IsLayerWise: bool

    /// P, the number of generated weights.
    member WeightCount: int64

    /// Its pieces in the order of theta and of z.
    member Pieces: MappingPiece[]

    /// d, the length of z.
    member LatentCount: int

    /// How many parameters are trained: d, and one for each tensor where scales are trainable.
    member TrainableCount: int

    /// z_0, shape (d), single precision, on the CPU.
    member InitialLatent: unit -> torch.Tensor

    /// The fixed scale of each tensor of the layout, in order.
    member Scales: float[]

    /// z's part that belongs to a piece: a view of shape (d_piece).
    /// Raises ArgumentException where z has another shape than (d).
    member LatentOf: piece: MappingPiece * latent: torch.Tensor -> torch.Tensor

    /// W(z) z + b, shape (P): what sigma is applied to.
    member PreActivation: latent: torch.Tensor -> torch.Tensor

    /// theta = g(z), shape (P), on the device and in the precision of z (single or double). Differentiable any number of times.
    /// Raises ArgumentException where z has another shape or precision.
    member Generate: latent: torch.Tensor -> torch.Tensor

    member internal GenerateComposed: latent: torch.Tensor -> torch.Tensor

    member internal Fused: FusedMapping | null

    member internal SquaredScaleSums: struct (float * float * torch.Tensor)[]

    /// theta with each tensor multiplied by its trainable scale; scales of shape (number of tensors).
    /// Raises ArgumentException where a shape disagrees.
    member Generate: latent: torch.Tensor * scales: torch.Tensor -> torch.Tensor

    /// J(z)^T v with J the derivative of g: the gradient at z, shape (d), from one at theta, v of shape (P). Part of no graph;
    /// differentiate Generate for one.
    /// Raises ArgumentException where z or v has another shape or precision.
    member Pullback: latent: torch.Tensor * gradient: torch.Tensor -> torch.Tensor

    /// The fixed scale of every weight, shape (P), on the device and in the precision of `like`. Shared; do not change it.
    member ScaleVector: like: torch.Tensor -> torch.Tensor

    /// z -> Generate(z, scales) as a mapping of its own, for what is asked about g at trained scales t: its scale of a tensor is the fixed one
    /// times t, kept in double precision. It shares the fixed weights, so it must not outlive this mapping.
    /// Raises ArgumentException where t is not one finite number for each tensor.
    member AtScales: trained: torch.Tensor -> Mapping

    /// One line that names what defines the mapping, and P.
    override ToString: unit -> string

    interface System.IDisposable

/// <summary>Builds mappings.</summary>
module Mapping =

    /// <summary>What defines a mapping, to change and build anew.</summary>
    /// <param name="mapping">The mapping.</param>
    val specification: mapping: Mapping -> MappingSpecification

    /// <summary>
    /// The plain specification with d latents: SLVT, signed permutation, seed 0, no modulation, identity, uniform bias,
    /// fan-in scale of gain 1, z_0 = 0.
    /// </summary>
    /// <param name="count">d.</param>
    val singleLatent: count: int -> MappingSpecification

    /// <summary>The plain specification with one latent for each 53 weights of a target, and at least one.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    val defaults: layout: ParameterLayout -> MappingSpecification

    /// <summary>The specification with the scale of every tensor multiplied by a factor.</summary>
    /// <param name="factor">The factor.</param>
    /// <param name="specification">The specification.</param>
    val scaledBy: factor: float -> specification: MappingSpecification -> MappingSpecification

    /// Refuses explicit scales that do not fit, under the name of the caller's argument.
    val internal checkScales: argument: string -> owner: string -> layout: ParameterLayout -> scales: float[] -> unit

    /// <summary>Builds the mapping of a specification for a target's layout; O(P) work.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    /// <param name="specification">What defines the mapping.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The split, a modulation, the number of modulations or the scales do not fit the layout; a gain that is not positive and
    /// finite; a scale or amplitude that is not finite; a start at 0 with a bias of 0, from where the
    /// target cannot learn; an activation or a bias of no kind.
    /// </exception>
    val create: layout: ParameterLayout -> specification: MappingSpecification -> Mapping

    /// The same without the check that the start can learn by itself, for what is added to given weights.
    val internal createUnchecked: layout: ParameterLayout -> specification: MappingSpecification -> Mapping
